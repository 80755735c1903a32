package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

var location = regexp.MustCompile(`(?m)^location: https://istio\.io/docs/(.+)\.html$`)

// readReferences returns the section of Istio's reference on each message. The module holds the pages as
// Istio's docs generator wrote them: a page says where istio.io shows it, and its sections have anchors.
// A message that Istio hides from its reference gets the section of the message that it is nested in.
func readReferences(module string, messages []protoreflect.MessageDescriptor) (map[protoreflect.FullName]string, error) {
	references := map[protoreflect.FullName]string{}
	for _, md := range messages {
		file := md.ParentFile()
		name := filepath.Join(module, strings.TrimSuffix(file.Path(), ".proto")+".pb.html")
		page, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		section := anchor(md)
		for outer := md.Parent(); outer != file && !bytes.Contains(page, fmt.Appendf(nil, ` id="%s"`, section)); outer = outer.Parent() {
			section = anchor(outer)
		}
		at := location.FindSubmatch(page)
		if at == nil || !bytes.Contains(page, fmt.Appendf(nil, ` id="%s"`, section)) {
			return nil, fmt.Errorf("%s has no location or no section %s", name, section)
		}
		references[md.FullName()] = fmt.Sprintf("https://istio.io/latest/docs/%s/#%s", at[1], section)
	}
	return references, nil
}

// anchor is the name of a message in its package, as Istio's reference writes it: TrafficPolicy-PortTrafficPolicy.
func anchor(d protoreflect.Descriptor) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(d.FullName()), string(d.ParentFile().Package())+"."), ".", "-")
}
