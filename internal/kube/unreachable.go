package kube

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
)

// explainConnection explains why there was no answer at all.
func explainConnection(err error) []problem {
	var credentials *credentialsError
	if errors.As(err, &credentials) {
		return one("no credentials", "There are no credentials for %s, so nothing was sent: %s.\n\n"+
			"Run the exec command of the provider block or of the kubeconfig by hand, or look at the token file.",
			strings.Replace(server(err), "The", "the", 1), strings.TrimSuffix(credentials.problem, "."))
	}
	what, advice := connectionProblem(err)
	said := err
	var urlError *url.Error
	if errors.As(err, &urlError) {
		said = urlError.Err // without the method and the URL
	}
	return one(what, "%s gave no answer: %s.\n\n%s", server(err), strings.TrimSuffix(said.Error(), "."), advice)
}

func connectionProblem(err error) (what, advice string) {
	var (
		operation   *net.OpError
		dns         *net.DNSError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		certificate x509.CertificateInvalidError
		verify      *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		timeout     net.Error
	)
	const whichCluster = "Is the cluster running, and is it the one meant? Its address comes from host, or from the cluster of the kubeconfig's context."
	switch text := err.Error(); {
	case errors.As(err, &operation) && operation.Op == "proxyconnect", strings.Contains(text, "Proxy Authentication Required"):
		return "the proxy cannot be used", "The proxy comes from proxy_url, the kubeconfig's proxy-url, or HTTPS_PROXY; NO_PROXY names the hosts that need none."
	case errors.As(err, &dns):
		return "unknown host", whichCluster
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", "Nothing listens there. " + whichCluster
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "the cluster cannot be reached", "There is no way to that address from here. Is a VPN or a proxy_url needed?"
	case errors.As(err, &authority):
		return "the server's certificate is not trusted", "It is signed by no authority that is known here. Give the cluster's in cluster_ca_certificate (PEM), " +
			"or in the kubeconfig's certificate-authority-data. insecure = true turns the check off, and lets anybody on the way read and change everything."
	case errors.As(err, &hostname):
		return "the server's certificate is for another name", "Use a host that the certificate names, or give one of its names in tls_server_name."
	case errors.As(err, &certificate), errors.As(err, &verify):
		return "the server's certificate is not valid", "The cluster's certificate has to be renewed, or the clock of one of the machines be set."
	case errors.As(err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "the server does not speak TLS", "Is the port right? An API server without TLS has a host that starts with http://."
	case strings.Contains(text, "remote error: tls:"):
		return "the server refused the TLS connection", "Most often it asks for a client certificate: give client_certificate and client_key, or a kubeconfig that has them."
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time", whichCluster + " Is a VPN or a proxy_url needed?"
	}
	return "the connection was lost", "The API server or something on the way to it ended the connection. Try again."
}
