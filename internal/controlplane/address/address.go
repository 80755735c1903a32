// Package address assigns IP addresses from a pool: each owner gets one address and can give it back.
package address

import (
	"fmt"
	"net/netip"
	"sync"
)

// Pool is a range of addresses. It is safe for concurrent use.
type Pool struct {
	first, last netip.Addr

	mu   sync.Mutex
	next netip.Addr
	of   map[string]netip.Addr
	used map[netip.Addr]bool
}

// NewPool returns a pool of the addresses from first to last, both included.
func NewPool(first, last netip.Addr) *Pool {
	return &Pool{first: first, last: last, next: first, of: map[string]netip.Addr{}, used: map[netip.Addr]bool{}}
}

// Acquire returns the address of owner, or assigns a free one. It reuses released addresses last, so that clients with an outdated
// address do not reach another owner.
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

// Release frees the address of owner, if it has one.
func (p *Pool) Release(owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, p.of[owner])
	delete(p.of, owner)
}
