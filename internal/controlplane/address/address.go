// Package address hands out IP addresses: each owner gets one of its own, and gives it back.
package address

import (
	"fmt"
	"net/netip"
	"sync"
)

// Pool is the addresses from first to last, both included. It is safe for concurrent use.
type Pool struct {
	first, last netip.Addr

	mu   sync.Mutex
	next netip.Addr
	of   map[string]netip.Addr
	used map[netip.Addr]bool
}

// NewPool makes a pool of the addresses from first to last, both included.
func NewPool(first, last netip.Addr) *Pool {
	return &Pool{first: first, last: last, next: first, of: map[string]netip.Addr{}, used: map[netip.Addr]bool{}}
}

// Acquire returns the address of owner, a new one when it has none. An address that was given back is the
// last to be given out again, so that no one meets a stranger at an address that he still remembers.
func (p *Pool) Acquire(owner string) (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.of[owner]; ok {
		return a, nil
	}
	start := p.next
	for {
		a := p.next
		if p.next = a.Next(); p.next.Compare(p.last) > 0 {
			p.next = p.first
		}
		if !p.used[a] {
			p.of[owner], p.used[a] = a, true
			return a, nil
		}
		if p.next == start {
			return netip.Addr{}, fmt.Errorf("all %d addresses from %s to %s are in use", len(p.used), p.first, p.last)
		}
	}
}

// Lookup returns the address of owner, and whether it has one.
func (p *Pool) Lookup(owner string) (netip.Addr, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.of[owner]
	return a, ok
}

// Release gives the address of owner back; an owner without one is no error.
func (p *Pool) Release(owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, p.of[owner])
	delete(p.of, owner)
}
