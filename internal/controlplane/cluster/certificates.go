package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// lifetime is the lifetime of every certificate: longer than any control plane runs.
const lifetime = 7 * 24 * time.Hour

// authority is the certificate authority of one control plane. It signs server certificates, and client certificates with a user and groups.
type authority struct {
	dir  string
	key  crypto.Signer
	cert *x509.Certificate
}

func newAuthority(dir string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca, err := cert.NewSelfSignedCACert(cert.Config{CommonName: "lamia-controlplane"}, key)
	if err != nil {
		return nil, err
	}
	a := &authority{dir: dir, key: key, cert: ca}
	return a, a.write("ca", key, a.pem())
}

func (a *authority) pem() []byte {
	pem, err := cert.EncodeCertificates(a.cert)
	if err != nil {
		panic(err) // a certificate that was just created can be encoded
	}
	return pem
}

func (a *authority) certFile(name string) string { return filepath.Join(a.dir, name+".crt") }
func (a *authority) keyFile(name string) string  { return filepath.Join(a.dir, name+".key") }

// server writes the certificate and key of a server on 127.0.0.1 and the given DNS names.
func (a *authority) server(name string, dnsNames ...string) error {
	key, pem, err := a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    append([]string{"localhost"}, dnsNames...),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), serviceNetwork.Addr().Next().AsSlice()},
	})
	if err != nil {
		return err
	}
	return a.write(name, key, pem)
}

// bareKey writes a key without a certificate.
func (a *authority) bareKey(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return a.write(name, key, nil)
}

// kubeconfig writes to path a kubeconfig for user, a member of groups.
func (a *authority) kubeconfig(path, server, user string, groups ...string) error {
	key, pem, err := a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	config := Kubeconfig(&clientcmdapi.Cluster{Server: server, CertificateAuthorityData: a.pem()}, "default",
		user, &clientcmdapi.AuthInfo{ClientCertificateData: pem, ClientKeyData: keyPEM})
	return clientcmd.WriteToFile(*config, path)
}

// Kubeconfig returns a kubeconfig with one context, for user and namespace in cluster.
func Kubeconfig(cluster *clientcmdapi.Cluster, namespace, user string, auth *clientcmdapi.AuthInfo) *clientcmdapi.Config {
	const name = "lamia-controlplane"
	return &clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{name: cluster},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{user: auth},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: user, Namespace: namespace}},
		CurrentContext: name,
	}
}

// spiffe returns a certificate for the SPIFFE ID of a workload.
func (a *authority) spiffe(id *url.URL) (*tls.Certificate, error) {
	key, pem, err := a.sign(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, URIs: []*url.URL{id}})
	if err != nil {
		return nil, err
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(pem, keyPEM)
	return &certificate, err
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// sign completes and signs a certificate. It returns its new key and the certificate in PEM format.
func (a *authority) sign(template *x509.Certificate) (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	template.NotBefore, template.NotAfter = a.cert.NotBefore, time.Now().Add(lifetime)
	template.KeyUsage, template.BasicConstraintsValid = x509.KeyUsageDigitalSignature, true
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	pem, err := cert.EncodeCertificates(signed)
	return key, pem, err
}

func (a *authority) write(name string, key crypto.Signer, pem []byte) error {
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.keyFile(name), keyPEM, 0o600); err != nil || pem == nil {
		return err
	}
	return os.WriteFile(a.certFile(name), pem, 0o600)
}
