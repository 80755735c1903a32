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

// readReferences returns the section of each message in Istio's reference. The module contains the pages that Istio's docs generator wrote: a
// page contains its location on istio.io, and its sections have anchors. A message that Istio hides from its reference gets the section of the
// message in which it is nested.
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

// anchor returns the name of a message in its package in the format of Istio's reference: TrafficPolicy-PortTrafficPolicy.
func anchor(d protoreflect.Descriptor) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(d.FullName()), string(d.ParentFile().Package())+"."), ".", "-")
}
