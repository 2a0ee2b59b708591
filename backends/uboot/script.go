package uboot

import (
	"fmt"
	"strings"
)

// scriptHead and scriptTail are the loop; scriptSlot is what it does for one slot, S.
const (
	scriptHead = "setenv slot; " +
		"for s in ${BOOT_ORDER}; do "
	scriptSlot = "if test -z \"${slot}\" && test \"${s}\" = \"S\"; then " +
		"if test \"${BOOT_S_STATE}\" = \"good\"; then setenv slot S; fi; " +
		"if test \"${BOOT_S_STATE}\" = \"trial\" && test 0x${BOOT_S_LEFT} -gt 0; then " +
		"setexpr BOOT_S_LEFT ${BOOT_S_LEFT} - 1; if saveenv; then setenv slot S; fi; fi; fi; "
	scriptTail = "done"
)

// Script returns what the boot loader has to run at each start, as the value of a
// variable: "run choose" with choose set to it. Afterwards the variable slot is the
// slot to start, or empty: then only a rescue can help. [Choose] plays it. A try that
// could not be saved does not begin.
func Script(cfg Config) (string, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return "", fmt.Errorf("uboot: script: %w", err)
	}
	var text strings.Builder
	text.WriteString(scriptHead)
	for _, name := range cfg.Slots {
		text.WriteString(strings.NewReplacer("BOOT_S_", "BOOT_"+name+"_", "\"S\"", "\""+name+"\"", "slot S;", "slot "+name+";").Replace(scriptSlot))
	}
	return text.String() + scriptTail, nil
}
