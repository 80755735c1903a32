package manifest

import yamlv3 "go.yaml.in/yaml/v3"

// node is a place in a YAML document. For a missing value, it is the place where the value would be.
type node struct{ *yamlv3.Node }

// content returns the node of a document or an alias.
func (n node) content() node {
	for {
		switch {
		case n.Kind == yamlv3.DocumentNode && len(n.Content) > 0:
			n = node{n.Content[0]}
		case n.Kind == yamlv3.AliasNode:
			n = node{n.Alias}
		default:
			return n
		}
	}
}

// pair returns a key of a mapping and its value, or nil.
func (n node) pair(name string) (key, value *yamlv3.Node) {
	content := n.content()
	if content.Kind != yamlv3.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(content.Content); i += 2 {
		k, v := content.Content[i], content.Content[i+1]
		if k.Value == name {
			return k, v
		}
	}
	for i := 0; i+1 < len(content.Content); i += 2 {
		if k, v := content.Content[i], content.Content[i+1]; k.Tag == "!!merge" {
			if key, value := (node{v}).pair(name); key != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

func (n node) has(name string) bool {
	key, _ := n.pair(name)
	return key != nil
}

// line returns the line of a key.
func (n node) line(name string) int {
	if key, _ := n.pair(name); key != nil {
		return key.Line
	}
	return n.Line
}

func (n node) key(name string) node {
	if _, value := n.pair(name); value != nil {
		return node{value}
	}
	return n
}

func (n node) index(i int) node {
	if content := n.content(); content.Kind == yamlv3.SequenceNode && i < len(content.Content) {
		return node{content.Content[i]}
	}
	return n
}
