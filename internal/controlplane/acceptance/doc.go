// Package acceptance tests the built binary as its users meet it: its command line, and clients of its cluster.
package acceptance
