package spec

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Scalar describes a single value in Terraform and in JSON.
type Scalar struct {
	Type Type

	Values   []string // of an enum
	JSON     bool     // a string that contains JSON
	Min, Max int64    // of an integer, inclusive
	// Check returns what is wrong with a string, and what to write instead. Nil means that every string is valid.
	Check func(s string) *Problem

	// encode converts a value to JSON, or nil if it is absent. Nil means that both are the same.
	encode func(v any) any
	// decode is the reverse of encode. It returns nil for JSON of another type. Nil means that both are the same.
	decode func(j any) any
	// canonical returns the same JSON for all values with the same meaning. Nil means that no two values have the same meaning.
	canonical func(j any) any
}

// Type is the type of a scalar in Terraform.
type Type int

const (
	StringType Type = iota
	BoolType
	IntegerType
	FloatType
)

// Problem describes what is wrong with a value.
type Problem struct{ Summary, Detail string }

var (
	String = Scalar{Type: StringType}
	Bool   = Scalar{Type: BoolType}
	Float  = Scalar{Type: FloatType, encode: encodeFloat}

	Int32  = Integer(math.MinInt32, math.MaxInt32)
	Uint32 = Integer(0, math.MaxUint32)
	Int64  = Integer(math.MinInt64, math.MaxInt64)
	// Uint64 is limited to the largest integer in Kubernetes' JSON, an int64.
	Uint64 = Integer(0, math.MaxInt64)

	// Bytes is a string in base64.
	Bytes = Scalar{Type: StringType, Check: checkBase64}

	// Duration is a string for Go's time.ParseDuration, as in Istio's CRDs and istiod.
	Duration = Scalar{Type: StringType, Check: checkDuration, canonical: canonicalDuration}

	// Struct is an object with any fields. In Terraform it is a string of JSON. A dynamic type would be easier to read, but Terraform does not
	// allow one in a list whose elements differ, such as the patches of an EnvoyFilter.
	Struct = Scalar{Type: StringType, JSON: true, Check: checkObject, encode: encodeObject, decode: decodeObject, canonical: canonicalObject}

	// IntOrString is a Kubernetes IntOrString. A string of digits becomes a number.
	IntOrString = Scalar{Type: StringType, encode: encodeIntOrString, decode: decodeIntOrString}
)

// Enum returns a scalar whose value is one of names.
func Enum(names ...string) Scalar { return Scalar{Type: StringType, Values: names} }

// Integer returns a scalar whose value is a whole number from low to high.
func Integer(low, high int64) Scalar { return Scalar{Type: IntegerType, Min: low, Max: high} }

// Flag returns a boolean scalar that Kubernetes stores as a certain value of a string field.
func Flag(value string) Scalar {
	return Scalar{
		Type: BoolType,
		encode: func(v any) any {
			if v == true {
				return value
			}
			return nil
		},
		decode: func(j any) any {
			if s, ok := j.(string); ok {
				return s == value
			}
			return nil
		},
	}
}

// toJSON returns the JSON of a value, or nil if it is absent.
func (s *Scalar) toJSON(v any) any {
	if s.encode != nil {
		return s.encode(v)
	}
	return v
}

// fromJSON is the reverse of toJSON.
func (s *Scalar) fromJSON(j any) (any, error) {
	v := number(j)
	if s.decode != nil {
		v = s.decode(v)
	}
	ok := false
	switch s.Type {
	case StringType:
		var text string
		if text, ok = v.(string); ok {
			v = norm.NFC.String(text) // in Terraform's normal form
		}
	case BoolType:
		_, ok = v.(bool)
	case IntegerType:
		_, ok = v.(int64)
	case FloatType:
		if _, ok = v.(int64); !ok {
			_, ok = v.(float64)
		}
	}
	if !ok {
		return nil, fmt.Errorf("holds %s, which is not a %s", literal(j), s.Type)
	}
	return v, nil
}

// literal returns the JSON text, in which "80" differs from the number 80.
func literal(j any) string {
	text, err := json.Marshal(j)
	if err != nil {
		return fmt.Sprint(j)
	}
	return string(text)
}

func (t Type) String() string {
	return [...]string{"string", "bool", "whole number", "number"}[t]
}

// same reports whether two JSON values have the same meaning.
func (s *Scalar) same(a, b any) bool {
	return s.toCanonical(a) == s.toCanonical(number(b))
}

func (s *Scalar) toCanonical(j any) any {
	if s.canonical != nil && j != nil {
		return s.canonical(j)
	}
	return j
}

// number returns j, converted to an int64 if it is a float64 with a whole value.
func number(j any) any {
	if f, ok := j.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f)
	}
	return j
}

// parseNumber returns an int64, or a float64 if it has the same decimal, or else a *big.Float with the precision of Terraform's literals.
func parseNumber(text string) (any, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	exact, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	if err != nil {
		return nil, err
	}
	if i, accuracy := exact.Int64(); accuracy == big.Exact {
		return i, nil
	}
	f, _ := exact.Float64()
	if again, ok := asBig(f); ok && again.Cmp(exact) == 0 {
		return f, nil
	}
	return exact, nil
}

// asBig returns a number as a *big.Float with the precision of Terraform's literals.
func asBig(v any) (*big.Float, bool) {
	if b, ok := v.(*big.Float); ok {
		return b, true
	}
	b, _, err := big.ParseFloat(formatNumber(v), 10, 512, big.ToNearestEven)
	return b, err == nil
}

// formatFloat returns the shortest decimal of the number.
func formatFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// formatNumber formats a number as in a configuration.
func formatNumber(v any) string {
	switch n := v.(type) {
	case float64:
		return formatFloat(n)
	case *big.Float:
		return n.Text('f', -1)
	}
	return fmt.Sprint(v)
}

// encodeFloat returns the nearest float64.
func encodeFloat(v any) any {
	if b, ok := v.(*big.Float); ok {
		f, _ := b.Float64()
		return f
	}
	return v
}

func checkBase64(s string) *Problem {
	if _, err := base64.StdEncoding.DecodeString(s); err != nil {
		return &Problem{"Not Base64", fmt.Sprintf("The value is not base64: %s. Use base64encode to encode text.", err)}
	}
	return nil
}

func checkDuration(s string) *Problem {
	if _, err := time.ParseDuration(s); err != nil {
		return &Problem{"Invalid Duration", fmt.Sprintf(
			"%q is not a duration. Use numbers with the units h, m, s and ms, such as 1h30m, 10s, 1.5s or 250ms.", s)}
	}
	return nil
}

func checkObject(s string) *Problem {
	if _, ok := encodeObject(s).(map[string]any); !ok {
		return &Problem{"Not a JSON Object", "The value is not a JSON object. Use jsonencode, as in jsonencode({ name = \"value\" })."}
	}
	return nil
}

// encodeObject parses an object. It omits null members: Terraform treats them as absent, and no merge patch can write them.
func encodeObject(v any) any {
	s, _ := v.(string)
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || object == nil || d.More() {
		return v
	}
	return withoutNulls(object)
}

// withoutNulls copies JSON without its null members, with int64 for whole numbers.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, member := range v {
			if member != nil {
				object[key] = withoutNulls(member)
			}
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = withoutNulls(v[i])
		}
		return list
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, _ := v.Float64()
		return number(n)
	}
	return v
}

// decodeObject is the reverse of encodeObject. It formats JSON like Terraform's jsonencode.
func decodeObject(j any) any {
	object, ok := j.(map[string]any)
	if !ok {
		return nil
	}
	text, err := json.Marshal(withoutNulls(object))
	if err != nil {
		return nil
	}
	return string(text)
}

func canonicalObject(j any) any {
	if text := decodeObject(j); text != nil {
		return text
	}
	return j
}

func canonicalDuration(j any) any {
	s, _ := j.(string)
	if d, err := time.ParseDuration(s); err == nil {
		return d.String()
	}
	return j
}

func encodeIntOrString(v any) any {
	s, _ := v.(string)
	if n, err := strconv.ParseInt(s, 10, 32); err == nil && !strings.HasPrefix(s, "+") {
		return n
	}
	return v
}

func decodeIntOrString(j any) any {
	if n, ok := j.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	return j
}
