// Package faults_test breaks requests, one of each object: whatever fails, and whenever, no object and no address is lost, the next apply ends what was
// begun, and every error says what it is about and what to do.
package faults_test

import (
	"testing"

	"github.com/magneticio/terraform-provider-lamia/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }
