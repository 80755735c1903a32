package address

import (
	"net/netip"
	"testing"
)

func TestPool(t *testing.T) {
	t.Parallel()
	p := NewPool(netip.MustParseAddr("127.1.2.254"), netip.MustParseAddr("127.1.3.0"))
	want := func(owner, address string) {
		t.Helper()
		if a, err := p.Acquire(owner); err != nil || a.String() != address {
			t.Errorf("%s has %s, not %s: %v", owner, a, address, err)
		}
	}
	want("a", "127.1.2.254")
	want("b", "127.1.2.255")
	want("a", "127.1.2.254")

	p.Release("a")
	p.Release("a")
	p.Release("never")
	if a, ok := p.Lookup("a"); ok {
		t.Errorf("a still has %s", a)
	}
	want("c", "127.1.3.0")   // not a's former address, which is reused last
	want("d", "127.1.2.254") // now it is reused
	if a, err := p.Acquire("e"); err == nil {
		t.Errorf("there is no address left, but e has %s", a)
	}
	want("b", "127.1.2.255")
	p.Release("b")
	want("e", "127.1.2.255")
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	l := Loopback{Pods: netip.MustParsePrefix("10.1.2.0/25")}
	for given, want := range map[string]string{
		"10.1.2.3:9090":   "127.1.2.3:9090",
		"10.1.2.3:80":     "127.1.2.3:10080",
		"10.1.2.3:1024":   "127.1.2.3:1024",
		"10.1.2.200:9090": "10.1.2.200:9090", // not a pod's address
		"192.0.2.1:80":    "192.0.2.1:80",
		"[2001:db8::1]:1": "[2001:db8::1]:1",
	} {
		if got := l.Of(netip.MustParseAddrPort(given)).String(); got != want {
			t.Errorf("%s is at %s, want %s", given, got, want)
		}
	}
}
