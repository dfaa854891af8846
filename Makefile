# OpenSysmon: what people type. Meson and Ninja do the work.
#
#   make            build build/sysmon
#   make run        build, then monitor in the foreground       CONFIG=file DURATION=seconds OUTPUT=kind:target
#   make check      build everything, run every test
#   make bench      measure; writes docs/performance.md's table
#   make windows    build/windows/{x64,x86}/: Sysmon64.exe, Sysmon.exe, SysmonDrv.sys
#   make package    a .deb
#   make run-windows      the same as `run` for Windows: a Wine prefix, a few programs, their events
#   make package-windows  zip and MSI, signed with a test certificate
#   make fuzz       every fuzz target, SECONDS each (default 60)
#   make deps       Debian packages for all of it

BUILD   := build
SECONDS := 60
export DEBIAN_FRONTEND = noninteractive

all: deps-build $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

deps: deps-build deps-check deps-windows
deps-%:
	@packaging/dependencies.sh $*

$(BUILD)/build.ninja:
	@meson setup $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

# Monitoring needs root: the kernel half is BPF.
run: all
	@$(if $(filter 0,$(shell id -u)),,sudo) $(BUILD)/sysmon run $(if $(CONFIG),-c $(CONFIG)) \
	    $(if $(DURATION),--duration $(DURATION)) $(if $(OUTPUT),--output $(OUTPUT))

check: deps
	@tests/check.sh

bench: all
	@tests/bench/run.sh

fuzz: deps
	@tests/fuzz/run.sh $(SECONDS)

windows: deps-build deps-windows
	@for arch in x64 x86; do \
	    test -f $(BUILD)/windows/$$arch/build.ninja || \
	        meson setup $(BUILD)/windows/$$arch --cross-file cross/windows-$$arch.ini || exit 1; \
	    ninja -C $(BUILD)/windows/$$arch --quiet || exit 1; \
	done

run-windows: windows
	@SYSMON_SOURCE=$(CURDIR) SYSMON_BUILD=$(CURDIR)/$(BUILD)/windows/x64 python3 tests/wine/show.py 2>/dev/null

package-windows: windows
	@packaging/windows/package.sh $(BUILD) $$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)

package: all deps-package
	@packaging/deb.sh $(BUILD)

clean:
	rm -rf $(BUILD)

.PHONY: all deps run check bench fuzz windows package run-windows package-windows clean
