// Package acceptance tests the built binary: its command line, and its cluster with ordinary clients.
package acceptance
