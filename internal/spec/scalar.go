package spec

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Scalar is how a single value is spelled in Terraform and in JSON.
type Scalar struct {
	Type attr.Type // one of types.BoolType, Float64Type, NumberType for integers, StringType, or a custom string type

	Values    []string         // of an enum
	Min, Max  int64            // of an integer, inclusive
	Validator validator.String // of a string, if any

	// encode turns a Terraform value (string, bool, *big.Float) into JSON (string, bool, int64, float64), or nil for absent.
	encode func(v any) (any, error)
	// decode is the reverse.
	decode func(j any) (any, error)
	// canonical is the one spelling of all JSON values that mean the same. Nil: each means itself.
	canonical func(j any) any
}

func (s Scalar) terraformType() tftypes.Type {
	switch s.Type {
	case types.BoolType:
		return tftypes.Bool
	case types.NumberType, types.Float64Type:
		return tftypes.Number
	}
	return tftypes.String
}

var (
	String = Scalar{Type: types.StringType, encode: same, decode: expect[string]}
	Bool   = Scalar{Type: types.BoolType, encode: same, decode: expect[bool]}
	Float  = Scalar{Type: types.Float64Type, encode: encodeFloat, decode: decodeFloat}

	Int32  = Integer(math.MinInt32, math.MaxInt32)
	Uint32 = Integer(0, math.MaxUint32)
	Int64  = Integer(math.MinInt64, math.MaxInt64)
	// Uint64 ends at the largest integer that Kubernetes JSON holds, which is an int64.
	Uint64 = Integer(0, math.MaxInt64)

	// Bytes are base64.
	Bytes = Scalar{Type: types.StringType, Validator: isBase64{}, encode: encodeBytes, decode: expect[string]}

	// Duration is a string of Go's time.ParseDuration, which is what Istio's CRDs and istiod read.
	Duration = Scalar{Type: durationType{}, encode: same, decode: expect[string], canonical: canonicalDuration}

	// IntOrString is a Kubernetes IntOrString: digits alone are the number.
	IntOrString = Scalar{Type: types.StringType, encode: encodeIntOrString, decode: decodeIntOrString}
)

// Enum is a string out of names.
func Enum(names ...string) Scalar {
	s := String
	s.Values = names
	return s
}

// Flag is a boolean that Kubernetes spells as a certain value of a string field.
func Flag(value string) Scalar {
	return Scalar{
		Type: types.BoolType,
		encode: func(v any) (any, error) {
			if v.(bool) {
				return value, nil
			}
			return nil, nil
		},
		decode: func(j any) (any, error) {
			s, err := expect[string](j)
			return s == value, err
		},
	}
}

// Integer is a whole number from low to high.
func Integer(low, high int64) Scalar {
	return Scalar{
		Type: types.NumberType, Min: low, Max: high, decode: decodeInt,
		encode: func(v any) (any, error) {
			return wholeNumber{low, high}.int64(v.(*big.Float))
		},
	}
}

func (s Scalar) encodeValue(value tftypes.Value) (any, error) {
	var err error
	switch s.Type {
	case types.BoolType:
		var b bool
		if err = value.As(&b); err == nil {
			return s.encode(b)
		}
	case types.NumberType, types.Float64Type:
		var n big.Float
		if err = value.As(&n); err == nil {
			return s.encode(&n)
		}
	default:
		var t string
		if err = value.As(&t); err == nil {
			return s.encode(t)
		}
	}
	return nil, err
}

func same(v any) (any, error) { return v, nil }

func expect[T any](j any) (any, error) {
	if _, ok := j.(T); !ok {
		var want T
		return nil, fmt.Errorf("holds %T where Istio's API has %T", j, want)
	}
	return j, nil
}

func decodeInt(j any) (any, error) {
	switch n := j.(type) {
	case int64:
		return new(big.Float).SetInt64(n), nil
	case float64:
		if n == math.Trunc(n) {
			return big.NewFloat(n), nil
		}
	}
	return nil, fmt.Errorf("holds %v (%T), not a whole number", j, j)
}

func encodeFloat(v any) (any, error) {
	f, _ := v.(*big.Float).Float64()
	if math.IsInf(f, 0) {
		return nil, fmt.Errorf("%s is out of the range of a 64-bit floating-point number", v.(*big.Float).Text('g', -1))
	}
	return f, nil
}

// decodeFloat gives 0.1 the precision that Terraform gives a literal 0.1, so that both are equal.
func decodeFloat(j any) (any, error) {
	switch n := j.(type) {
	case int64:
		return new(big.Float).SetInt64(n), nil
	case float64:
		f, _, err := big.ParseFloat(strconv.FormatFloat(n, 'g', -1, 64), 10, 512, big.ToNearestEven)
		return f, err
	}
	return nil, fmt.Errorf("holds %T, not a number", j)
}

func encodeBytes(v any) (any, error) {
	if _, err := base64.StdEncoding.DecodeString(v.(string)); err != nil {
		return nil, fmt.Errorf("is not base64: %w", err)
	}
	return v, nil
}

func canonicalDuration(j any) any {
	if d, err := time.ParseDuration(j.(string)); err == nil {
		return d.String()
	}
	return j
}

func encodeIntOrString(v any) (any, error) {
	s := v.(string)
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return n, nil
	}
	return s, nil
}

func decodeIntOrString(j any) (any, error) {
	if s, ok := j.(string); ok {
		return s, nil
	}
	n, err := decodeInt(j)
	if err != nil {
		return nil, err
	}
	return n.(*big.Float).Text('f', 0), nil
}
