package baseline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iot-device-baseline/baseline/internal/law"
)

const planted = "internal/law/testdata/planted"

// laws are the functions that a planted tree names in its first line.
func laws() map[string]func(*law.Tree, *law.Table) []law.Violation {
	return map[string]func(*law.Tree, *law.Table) []law.Violation{
		"compile":    func(t *law.Tree, _ *law.Table) []law.Violation { return law.Broken(t) },
		"docs":       law.Documented,
		"imports":    law.Imports,
		"network":    law.Network,
		"shape":      law.Shape,
		"signatures": law.Signatures,
		"syntax":     law.Syntax,
		"writes":     law.Writes,
	}
}

// A plant is a small module that breaks a law, and what must be found in it.
type plant struct {
	name, law string
	want      []string
	files     map[string]string
}

// TestLawsCatchPlantedViolations runs every law on trees that break it. Each tree
// must give exactly the violations that it names: no law is blind, and none
// sees ghosts.
func TestLawsCatchPlantedViolations(t *testing.T) {
	plants := append(readPlants(t), shapelessPlant())
	tr := growPlants(t, plants)
	count, caught, used := 0, 0, map[string]bool{}
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			count += len(p.want)
			caught += p.check(t, tr.Sub(p.name))
		})
		used[p.law] = true
	}
	for name := range laws() {
		assert.True(t, used[name], "no planted violation for law %s", name)
	}
	assert.GreaterOrEqual(t, count, 80)
	assert.Equal(t, count, caught)
	t.Logf("planted=%d caught=%d trees=%d laws=%d", count, caught, len(plants), len(laws()))
}

// check compares what the law finds with what was planted.
func (p *plant) check(t *testing.T, tr *law.Tree) (caught int) {
	var found []law.Violation
	for name, run := range laws() {
		if p.law == name || p.law == "all" {
			found = append(found, run(tr, law.Baseline())...)
		}
	}
	for _, want := range p.want {
		want = strings.ReplaceAll(want, "MODULE", "planted.example/"+p.name)
		before := len(found)
		for i, v := range found {
			if strings.Contains(v.String(), want) {
				found = append(found[:i:i], found[i+1:]...)
				caught++
				break
			}
		}
		assert.Less(t, len(found), before, "not found: %s", want)
	}
	for _, v := range found {
		t.Errorf("not planted, but found: %s", v)
	}
	return caught
}

func readPlants(t *testing.T) (plants []plant) {
	names, err := filepath.Glob(planted + "/*.txt")
	require.NoError(t, err)
	for _, name := range names {
		base := strings.TrimSuffix(filepath.Base(name), ".txt")
		if base == "modules" {
			continue
		}
		head, files := readArchive(t, name)
		p := plant{name: base, files: files}
		for line := range strings.Lines(head) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch key {
			case "law":
				p.law = value
			case "want":
				p.want = append(p.want, value)
			}
		}
		require.Contains(t, "all "+strings.Join(keys(laws()), " "), p.law, name)
		plants = append(plants, p)
	}
	require.Greater(t, len(plants), 20)
	return plants
}

func keys[V any](m map[string]V) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	return list
}

// readArchive splits a file at lines "-- path --".
func readArchive(t *testing.T, name string) (head string, files map[string]string) {
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	parts := strings.Split("\n"+string(data), "\n-- ")
	files = map[string]string{}
	for _, part := range parts[1:] {
		path, content, ok := strings.Cut(part, " --\n")
		require.True(t, ok, "%s: %.40q", name, part)
		files[path] = content + "\n"
	}
	return parts[0], files
}

// growPlants lays all planted trees side by side in one module, so that the go
// command lists them once.
func growPlants(t *testing.T, plants []plant) *law.Tree {
	dir := t.TempDir()
	_, modules := readArchive(t, planted+"/modules.txt")
	write := func(name, content string) {
		name = filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
	for name, content := range modules {
		write(name, content)
	}
	for _, p := range plants {
		for name, content := range p.files {
			write(p.name+"/"+name, strings.ReplaceAll(content, "MODULE", "planted.example/"+p.name))
		}
	}
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOPROXY", "off")
	tr, err := law.Load(t.Context(), dir)
	require.NoError(t, err)
	return tr
}

// shapelessPlant is too long to stand in a file.
func shapelessPlant() plant {
	var exports strings.Builder
	exports.WriteString("package access\n")
	for c := 'A'; c <= 'Z'; c++ {
		exports.WriteString("var " + string(c) + "1, " + string(c) + "2, " + string(c) + "3 = 1, 1, 1\n")
	}
	return plant{
		name: "shapeless", law: "shape",
		want: []string{
			"access: exports 78 types", "access: access/long.go has 303 lines",
			"access: access/long_test.go has 302 lines", "access/function.go:2: f has 61 lines",
		},
		files: map[string]string{
			"access/exports.go":   exports.String(),
			"access/long.go":      "package access\n" + strings.Repeat("\n", 302),
			"access/long_test.go": "package access_test\n" + strings.Repeat("\n", 301),
			"access/function.go":  "package access\nfunc f() {" + strings.Repeat("\n", 60) + "}\n",
			"access/generated.go": "// Code generated by hand. DO NOT EDIT.\npackage access\n" + strings.Repeat("\n", 400),
		},
	}
}
