// Command bench measures the provider with a fleet of objects, and compares it with what Terraform and the API server need alone:
//
//   - S, Terraform with a provider that has the same schema and answers every request at once;
//   - T, Terraform alone, with the same content in terraform_data;
//   - A, the API alone, with ten workers.
//
// It prints a table of the targets, and writes them as JSON to .build/bench.json. make bench runs it on its own control plane.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"text/tabwriter"
)

func main() {
	if filepath.Base(os.Args[0]) == providerBinary { // Terraform starts this binary as S
		serveStub()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// target is a row of the table.
type target struct {
	Name   string  `json:"target"`
	Figure float64 `json:"figure"`
	Unit   string  `json:"unit"`
	// Beside is the figure to compare with, or 0.
	Beside float64 `json:"beside,omitempty"`
	Limit  float64 `json:"limit"` // of the ratio of Figure and Beside, or of Figure
	Met    bool    `json:"met"`
}

// report collects rows.
type report struct{ targets []target }

// atMost adds a row for a figure.
func (r *report) atMost(name string, figure float64, unit string, limit float64) {
	r.add(target{Name: name, Figure: figure, Unit: unit, Limit: limit, Met: figure <= limit})
}

// ratio adds a row for a figure that is compared with another.
func (r *report) ratio(name string, figure, beside float64, unit string, limit float64) {
	r.add(target{Name: name, Figure: figure, Unit: unit, Beside: beside, Limit: limit, Met: figure <= limit*beside})
}

func (r *report) add(t target) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", t.Name, t.text())
	r.targets = append(r.targets, t)
}

func (t target) text() string {
	text := fmt.Sprintf("%.2f %s", t.Figure, t.Unit)
	if t.Beside != 0 {
		text += fmt.Sprintf(" vs %.2f", t.Beside)
	}
	return text
}

// write prints the table and writes it to a file as JSON.
func (r *report) write(file string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TARGET\tFIGURE\tCOMPARED TO\tRATIO\tLIMIT\tMET")
	for _, t := range r.targets {
		beside, ratio := "", ""
		if t.Beside != 0 {
			beside, ratio = fmt.Sprintf("%.2f", t.Beside), fmt.Sprintf("%.2f", t.Figure/t.Beside)
		}
		met := map[bool]string{true: "yes", false: "NO"}[t.Met]
		fmt.Fprintf(w, "%s\t%.2f %s\t%s\t%s\t%.2f\t%s\n", t.Name, t.Figure, t.Unit, beside, ratio, t.Limit, met)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r.targets, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// fleetSize returns the number of virtual services and of destination rules.
func fleetSize() (int, error) {
	if text := os.Getenv("BENCH_N"); text != "" {
		return strconv.Atoi(text)
	}
	return 1000, nil
}
