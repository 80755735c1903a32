package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// Warnings collects what the API server warned of, such as a deprecated version or a webhook's advice.
type Warnings struct {
	mu    sync.Mutex
	texts []string
}

type warningsKey struct{}

// WithWarnings makes requests with the context it returns collect the server's warnings.
func WithWarnings(ctx context.Context) (context.Context, *Warnings) {
	w := new(Warnings)
	return context.WithValue(ctx, warningsKey{}, w), w
}

// Diagnostics are the warnings about o, once each, in the order they came.
func (w *Warnings) Diagnostics(o Object) diag.Diagnostics {
	w.mu.Lock()
	defer w.mu.Unlock()
	var diags diag.Diagnostics
	for _, text := range w.texts {
		diags.AddWarning(fmt.Sprintf("The API server warns about %s", o), text)
	}
	return diags
}

// warningHandler takes client-go's Warning headers to the request's context; without one, to the log.
type warningHandler struct{}

func (warningHandler) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if code != 299 || text == "" { // the only code that Kubernetes gives
		return
	}
	w, ok := ctx.Value(warningsKey{}).(*Warnings)
	if !ok {
		tflog.Warn(ctx, "Kubernetes API warning", map[string]any{"warning": text})
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.texts, text) {
		w.texts = append(w.texts, text)
	}
}
