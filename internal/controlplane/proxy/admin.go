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

// ready returns nil once the Envoy serves what istiod has for it: it has taken all of it, and its workers have begun.
func (p *Proxy) ready(ctx context.Context, r *relay.Relay) error {
	if err := r.Current(); err != nil {
		return err
	}
	started, err := p.stats(ctx, `^listener_manager\.workers_started$`)
	if err == nil && started == 0 {
		err = errors.New("no worker has started")
	}
	return err
}

// drain asks the clients to leave, and returns when they have or when it has taken too long.
func (p *Proxy) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	if _, err := p.admin(ctx, http.MethodPost, "/drain_listeners?graceful"); err != nil {
		return
	}
	none := 0                  // in a row: a connection may just be on its way
	p.poll(ctx, func() error { //nolint:errcheck // all has been tried
		clients, err := p.stats(ctx, `^listener\.127\..*\.downstream_cx_active$`)
		if err != nil {
			return err
		}
		if clients > 0 {
			none = 0
			return fmt.Errorf("%d clients are connected", clients)
		}
		if none++; none < 3 {
			return errors.New("a client may come yet")
		}
		return nil
	})
}

// stats is the sum of the Envoy's statistics whose names match.
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

// admin asks the Envoy's administration interface.
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

// poll asks again until the answer is nil or ctx ends.
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
