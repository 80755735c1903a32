package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// Warnings collects warnings of the API server, such as about a deprecated version or from a webhook.
type Warnings struct {
	mu    sync.Mutex
	texts []string
}

type warningsKey struct{}

// WithWarnings returns a context with which requests collect the server's warnings.
func WithWarnings(ctx context.Context) (context.Context, *Warnings) {
	w := new(Warnings)
	return context.WithValue(ctx, warningsKey{}, w), w
}

// Diagnostics returns the warnings about o, without duplicates, in order.
func (w *Warnings) Diagnostics(o Object) diag.Diagnostics {
	w.mu.Lock()
	defer w.mu.Unlock()
	var diags diag.Diagnostics
	for _, text := range w.texts {
		diags.AddWarning(fmt.Sprintf("The API server warns about %s", o), text)
	}
	return diags
}

// warningHandler adds client-go's Warning headers to the request's context. Without one, it logs them.
type warningHandler struct{}

func (warningHandler) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if code != 299 || text == "" { // Kubernetes uses only this code
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
