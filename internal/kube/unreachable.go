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

// explainConnection explains why there was no response.
func explainConnection(err error) []problem {
	var credentials *credentialsError
	if errors.As(err, &credentials) {
		return one("no credentials", "The provider has no credentials for %s, so it sent nothing: %s.\n\nRun the exec command of the provider block or "+
			"kubeconfig by hand, or check the token file.",
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
	const whichCluster = "Check that the cluster is running and is the right one. Its address comes from host, or from the kubeconfig's context."
	switch text := err.Error(); {
	case errors.As(err, &operation) && operation.Op == "proxyconnect", strings.Contains(text, "Proxy Authentication Required"):
		return "the proxy cannot be used", "The proxy comes from proxy_url, the kubeconfig's proxy-url, or HTTPS_PROXY; NO_PROXY names the hosts that need none."
	case errors.As(err, &dns):
		return "unknown host", whichCluster
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", "Nothing listens at the address. " + whichCluster
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "the cluster cannot be reached", "There is no route to the address. Check whether you need a VPN or proxy_url."
	case errors.As(err, &authority):
		return "the server's certificate is not trusted", "An unknown authority signed it. Set the cluster's authority in cluster_ca_certificate (PEM) or in " +
			"the kubeconfig's certificate-authority-data. insecure = true skips the check, but lets anyone on the network path read and change everything."
	case errors.As(err, &hostname):
		return "the server's certificate is for another name", "Use a host that the certificate names, or set tls_server_name to one of its names."
	case errors.As(err, &certificate), errors.As(err, &verify):
		return "the server's certificate is not valid", "Renew the cluster's certificate, or correct the clock of this machine or the server."
	case errors.As(err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "the server does not speak TLS", "Check the port. For an API server without TLS, host starts with http://."
	case strings.Contains(text, "remote error: tls:"):
		return "the server refused the TLS connection", "It probably requires a client certificate: set client_certificate and client_key, or use a kubeconfig that has them."
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time", whichCluster + " Check whether you need a VPN or proxy_url."
	}
	return "the connection was lost", "The API server, or something between it and Terraform, closed the connection. Retry."
}
