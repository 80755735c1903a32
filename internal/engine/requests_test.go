package engine

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/magneticio/terraform-provider-lamia/internal/kube"
)

// A wait continues while the API server restarts. It ends with an answer that denies the request, and at the timeout, with an error that says
// what was not ready.
func TestPoll_lostConnections(t *testing.T) {
	t.Parallel()
	refused := kube.Retry(t.Context(), func(context.Context) error { return &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED} })
	forbidden := &companionError{err: apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "se-1", errors.New("no"))}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &session{ctx: ctx}
	answers := []error{&companionError{err: refused}, refused, nil}
	if err := s.poll(func() (string, error) {
		err := answers[0]
		answers = answers[1:]
		return "", err
	}); err != nil || len(answers) > 0 {
		t.Errorf("after a lost connection: %v, %d answers not waited for", err, len(answers))
	}
	if err := s.poll(func() (string, error) { return "", forbidden }); !apierrors.IsForbidden(err) {
		t.Errorf("after a refusal: %v", err)
	}
	var late *notReadyError
	first := true
	if err := s.poll(func() (string, error) {
		if !first {
			cancel()
		}
		first = false
		return "", refused
	}); !errors.As(err, &late) || late.reason == "" {
		t.Errorf("at the end of the time: %v", err)
	}
}
