// Package faults_test breaks one request for each object. Whatever fails at any time, no object and no address is lost, the next apply completes
// the work, and every error names the object and says what to do.
package faults_test

import (
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }
