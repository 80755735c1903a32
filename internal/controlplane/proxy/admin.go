package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/magneticio/terraform-provider-lamia/internal/controlplane/relay"
)

// ready returns nil once Envoy has accepted all its configuration from istiod and its workers have started.
func (p *Proxy) ready(ctx context.Context, r *relay.Relay) error {
	if err := r.Current(); err != nil {
		return err
	}
	started, err := p.stats(ctx, `^listener_manager\.workers_started$`)
	if err == nil && started == 0 {
		err = errors.New("no worker of Envoy has started")
	}
	return err
}

// drain asks clients to disconnect, and returns when all have or after drainTime.
func (p *Proxy) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	if _, err := p.admin(ctx, http.MethodPost, "/drain_listeners?graceful"); err != nil {
		return
	}
	none := 0                  // in a row: a connection may still be arriving
	p.poll(ctx, func() error { //nolint:errcheck // a timeout ends the drain as well
		clients, err := p.stats(ctx, `^listener\.127\..*\.downstream_cx_active$`)
		if err != nil {
			return err
		}
		if clients > 0 {
			none = 0
			return fmt.Errorf("%d clients are connected", clients)
		}
		if none++; none < 3 {
			return errors.New("a client may still connect")
		}
		return nil
	})
}

// stats returns the sum of Envoy's statistics whose names match the regular expression.
func (p *Proxy) stats(ctx context.Context, names string) (sum int, err error) {
	said, err := p.admin(ctx, http.MethodGet, "/stats?filter="+url.QueryEscape(names))
	for line := range strings.Lines(said) {
		_, value, _ := strings.Cut(line, ": ")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
			sum += n
		}
	}
	return sum, err
}

// admin sends a request to Envoy's administration interface and returns the body of the response.
func (p *Proxy) admin(ctx context.Context, method, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+p.at(adminPort)+path, nil)
	if err != nil {
		return "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, said)
	}
	return string(said), err
}

// poll calls done repeatedly until it returns nil or ctx ends.
func (p *Proxy) poll(ctx context.Context, done func() error) error {
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(interval):
		}
	}
}
