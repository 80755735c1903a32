// Package source reads the files of the configuration that Terraform runs, to find out what the protocol does not tell a provider: which names
// Terraform drops because the schema lacks them, and on which line a value is.
//
// It reports only what is certain, and skips what it cannot read or follow, because Terraform itself reports errors in files.
package source

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// Configuration contains the resources and data sources of a root module and of all modules that it calls.
type Configuration struct {
	// blocks are grouped by their type and the name of their object, which is "" if it is not a literal.
	blocks map[kind][]*Block
}

type kind struct{ typ, name string }

// Block is a resource block, or a data block.
type Block struct {
	Type      string // such as "lamia_gateway", or "data.lamia_virtual_cluster"
	Address   string // within its module, such as "lamia_gateway.web"
	arguments map[string]hcl.Expression
}

// Read reads the configuration with the root module in a folder.
func Read(folder string) *Configuration {
	c := &Configuration{blocks: make(map[kind][]*Block)}
	c.module(folder, "", installed(folder), make(map[string]bool))
	return c
}

// Blocks returns all blocks of a type.
func (c *Configuration) Blocks(typ string) (blocks []*Block) {
	for k, these := range c.blocks {
		if k.typ == typ {
			blocks = append(blocks, these...)
		}
	}
	return blocks
}

// installed returns the folders of modules by the path of their calls, such as "network.gateway".
func installed(folder string) map[string]string {
	data := cmp.Or(os.Getenv("TF_DATA_DIR"), ".terraform")
	if !filepath.IsAbs(data) {
		data = filepath.Join(folder, data)
	}
	content, err := os.ReadFile(filepath.Join(data, "modules", "modules.json"))
	var manifest struct {
		Modules []struct{ Key, Dir string }
	}
	if err != nil || json.Unmarshal(content, &manifest) != nil {
		return nil
	}
	folders := make(map[string]string)
	for _, m := range manifest.Modules {
		folders[m.Key] = m.Dir
		if !filepath.IsAbs(m.Dir) {
			folders[m.Key] = filepath.Join(folder, m.Dir)
		}
	}
	return folders
}

// module reads the module in a folder and the modules that it calls, each folder once.
func (c *Configuration) module(folder, path string, installed map[string]string, seen map[string]bool) {
	first := !seen[folder]
	seen[folder] = true
	resources := make(map[string]*Block)
	var blocks []*Block
	for _, f := range files(folder) {
		content, _, _ := f.body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
			{Type: "resource", LabelNames: []string{"type", "name"}},
			{Type: "data", LabelNames: []string{"type", "name"}},
			{Type: "module", LabelNames: []string{"name"}},
		}})
		for _, b := range content.Blocks {
			if b.Type == "module" {
				key := strings.TrimPrefix(path+"."+b.Labels[0], ".")
				if to, ok := installed[key]; ok {
					c.module(to, key, installed, seen)
				}
				continue
			}
			if !first {
				continue
			}
			attributes, _ := b.Body.JustAttributes()
			typ := b.Labels[0]
			if b.Type == "data" {
				typ = "data." + typ
			}
			address := typ + "." + b.Labels[1]
			block := resources[address]
			if block == nil || !f.override {
				block = &Block{Type: typ, Address: address, arguments: make(map[string]hcl.Expression)}
				resources[address] = block
				blocks = append(blocks, block)
			}
			for name, a := range attributes {
				block.arguments[name] = a.Expr
			}
		}
	}
	for _, b := range blocks {
		k := kind{typ: b.Type}
		if e, ok := b.arguments["name"]; ok {
			if name, ok := constant(e); ok && !name.IsNull() && name.Type() == cty.String {
				k.name = name.AsString()
			}
		}
		c.blocks[k] = append(c.blocks[k], b)
	}
}

type file struct {
	body hcl.Body
	// override files replace arguments of blocks in other files.
	override bool
}

// files returns the files of a module in the order in which Terraform reads them, override files last.
func files(folder string) (all []file) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !strings.HasSuffix(e.Name(), "~") {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		base, isJSON := strings.CutSuffix(name, ".json")
		base, isTF := strings.CutSuffix(base, ".tf")
		base, isTofu := strings.CutSuffix(base, ".tofu")
		if !isTF && !isTofu || twice(names, name) {
			continue
		}
		path := filepath.Join(folder, name)
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var parsed *hcl.File
		if isJSON {
			parsed, _ = hcljson.Parse(content, path)
		} else {
			parsed, _ = hclsyntax.ParseConfig(content, path, hcl.InitialPos)
		}
		if parsed == nil || parsed.Body == nil {
			continue
		}
		all = append(all, file{parsed.Body, base == "override" || strings.HasSuffix(base, "_override")})
	}
	slices.SortStableFunc(all, func(a, b file) int {
		switch {
		case a.override == b.override:
			return 0
		case b.override:
			return -1
		}
		return 1
	})
	return all
}

// twice reports whether there are both main.tf and main.tofu, or others with the same name. Terraform reads one and OpenTofu the other, and the
// provider does not know which of them runs.
func twice(names []string, name string) bool {
	other := strings.Replace(name, ".tofu", ".tf", 1)
	if other == name {
		other = strings.Replace(name, ".tf", ".tofu", 1)
	}
	return slices.Contains(names, other)
}
