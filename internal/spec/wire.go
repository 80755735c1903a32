package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/big"
	"slices"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Unmarshal decodes a value of m from Terraform, which is MessagePack as github.com/zclconf/go-cty encodes it. It returns nil for null.
func (m *Message) Unmarshal(data []byte) (map[string]any, error) {
	d := msgpack.GetDecoder()
	defer msgpack.PutDecoder(d)
	d.Reset(bytes.NewReader(data))
	tree, err := m.read(d)
	if err != nil {
		return nil, err
	}
	object, _ := tree.(map[string]any)
	return object, nil
}

// absent reads a null or an unknown value.
func absent(d *msgpack.Decoder) (v any, is bool, err error) {
	code, err := d.PeekCode()
	switch {
	case err != nil:
		return nil, false, err
	case code == msgpcode.Nil:
		return nil, true, d.Skip()
	case msgpcode.IsExt(code): // with or without refinements
		return Unknown, true, d.Skip()
	}
	return nil, false, nil
}

func (m *Message) read(d *msgpack.Decoder) (any, error) {
	if v, is, err := absent(d); is || err != nil {
		return v, err
	}
	m.index()
	n, err := d.DecodeMapLen()
	if err != nil {
		return nil, err
	}
	object := make(map[string]any, min(n, 8))
	for range n {
		name, err := d.DecodeString()
		if err != nil {
			return nil, err
		}
		f, ok := m.byName[name]
		if !ok {
			return nil, fmt.Errorf("there is no attribute %q", name)
		}
		v, err := f.read(d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if v != nil {
			object[f.JSON] = v
		}
	}
	return object, nil
}

func (f *Field) read(d *msgpack.Decoder) (any, error) {
	if f.Collection == One {
		return f.readElement(d)
	}
	if v, is, err := absent(d); is || err != nil {
		return v, err
	}
	if f.Collection == List {
		n, err := d.DecodeArrayLen()
		if err != nil {
			return nil, err
		}
		list := make([]any, n)
		for i := range list {
			if list[i], err = f.readElement(d); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	n, err := d.DecodeMapLen()
	if err != nil {
		return nil, err
	}
	object := make(map[string]any, n)
	for range n {
		key, err := d.DecodeString()
		if err != nil {
			return nil, err
		}
		if object[key], err = f.readElement(d); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func (f *Field) readElement(d *msgpack.Decoder) (any, error) {
	if f.Message != nil {
		return f.Message.read(d)
	}
	if v, is, err := absent(d); is || err != nil {
		return v, err
	}
	switch f.Scalar.Type {
	case BoolType:
		return d.DecodeBool()
	case StringType:
		return d.DecodeString()
	}
	return readNumber(d)
}

func readNumber(d *msgpack.Decoder) (any, error) {
	code, err := d.PeekCode()
	switch {
	case err != nil:
		return nil, err
	case msgpcode.IsString(code):
		text, err := d.DecodeString()
		if err != nil {
			return nil, err
		}
		return parseNumber(text)
	case code == msgpcode.Float || code == msgpcode.Double:
		f, err := d.DecodeFloat64()
		return exactly(f), err
	case code == msgpcode.Uint64:
		n, err := d.DecodeUint64()
		if n > math.MaxInt64 {
			return new(big.Float).SetUint64(n), err
		}
		return int64(n), err
	}
	return d.DecodeInt64()
}

// exactly returns f as a float64 if its shortest decimal is the same number, and otherwise as a *big.Float.
func exactly(f float64) any {
	exact := new(big.Float).SetFloat64(f)
	if short, err := parseNumber(formatFloat(f)); err == nil {
		if is, ok := asBig(short); ok && is.Cmp(exact) == 0 {
			return short
		}
	}
	return exact
}

// Marshal is the reverse of Unmarshal.
func (m *Message) Marshal(tree map[string]any) ([]byte, error) {
	var data bytes.Buffer
	e := msgpack.GetEncoder()
	defer msgpack.PutEncoder(e)
	e.Reset(&data)
	var v any
	if tree != nil {
		v = tree
	}
	err := m.write(e, v)
	return data.Bytes(), err
}

// writeAbsent is the reverse of absent.
func writeAbsent(e *msgpack.Encoder, v any) (is bool, err error) {
	switch v {
	case nil:
		return true, e.EncodeNil()
	case Unknown:
		if err := e.EncodeExtHeader(0, 1); err != nil {
			return true, err
		}
		_, err := e.Writer().Write([]byte{0})
		return true, err
	}
	return false, nil
}

func (m *Message) write(e *msgpack.Encoder, v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		if is, err := writeAbsent(e, v); is || err != nil {
			return err
		}
		return fmt.Errorf("%T is no object", v)
	}
	m.index()
	if err := e.EncodeMapLen(len(m.sorted)); err != nil {
		return err
	}
	for _, f := range m.sorted {
		if err := e.EncodeString(f.Name); err != nil {
			return err
		}
		if err := f.write(e, object[f.JSON]); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func (f *Field) write(e *msgpack.Encoder, v any) error {
	switch v := v.(type) {
	case []any:
		if f.Collection != List {
			return fmt.Errorf("%T is no list", v)
		}
		if err := e.EncodeArrayLen(len(v)); err != nil {
			return err
		}
		for _, element := range v {
			if err := f.writeElement(e, element); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		if f.Collection != Map {
			break
		}
		if err := e.EncodeMapLen(len(v)); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := e.EncodeString(key); err != nil {
				return err
			}
			if err := f.writeElement(e, v[key]); err != nil {
				return err
			}
		}
		return nil
	}
	return f.writeElement(e, v)
}

func (f *Field) writeElement(e *msgpack.Encoder, v any) error {
	switch v := v.(type) {
	case string:
		return e.EncodeString(v)
	case bool:
		return e.EncodeBool(v)
	case int64:
		return e.EncodeInt(v)
	case float64: // as a decimal, because Terraform distinguishes 0.1 from the nearest float64
		return e.EncodeString(formatFloat(v))
	case *big.Float:
		if f, accuracy := v.Float64(); accuracy == big.Exact {
			return e.EncodeFloat64(f)
		}
		return e.EncodeString(v.Text('f', -1))
	}
	if f.Message != nil {
		return f.Message.write(e, v)
	}
	if is, err := writeAbsent(e, v); is || err != nil {
		return err
	}
	return fmt.Errorf("%T is no scalar", v)
}

// UnmarshalState reads a value of m from a state file. It drops attributes that m does not have, such as those of another version.
func (m *Message) UnmarshalState(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is more than one value")
	}
	tree, err := m.fromState(v)
	object, _ := tree.(map[string]any)
	return object, err
}

func (m *Message) fromState(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	from, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%T is no object", v)
	}
	m.index()
	object := make(map[string]any, len(from))
	for name, member := range from {
		f, ok := m.byName[name]
		if !ok || member == nil {
			continue
		}
		value, err := f.fromState(member)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		object[f.JSON] = value
	}
	return object, nil
}

func (f *Field) fromState(v any) (any, error) {
	var err error
	switch f.Collection {
	case List:
		from, ok := v.([]any)
		if !ok {
			return nil, fmt.Errorf("%T is no list", v)
		}
		list := make([]any, len(from))
		for i := range from {
			if list[i], err = f.elementFromState(from[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case Map:
		from, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%T is no map", v)
		}
		object := make(map[string]any, len(from))
		for key := range from {
			if object[key], err = f.elementFromState(from[key]); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return f.elementFromState(v)
}

func (f *Field) elementFromState(v any) (any, error) {
	if f.Message != nil {
		return f.Message.fromState(v)
	}
	if n, ok := v.(json.Number); ok {
		if f.Scalar.Type == StringType {
			return n.String(), nil
		}
		return parseNumber(n.String())
	}
	return v, nil
}
