# A thin face over meson and ninja. What is built stands at build/sockland and build/libsockland.so.
BUILD ?= build
prefix ?= /usr/local
PREFIX ?= $(prefix)
SETUP ?=                # words for meson setup, such as -Dtests=false

.PHONY: all demo examples check check-all bench install clean deps-build deps-check

all: deps-build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix=$(PREFIX) $(SETUP) >/dev/null
	@ninja -C $(BUILD)

deps-build:
	@tests/tools/install-packages build
deps-check:
	@tests/tools/install-packages build check

demo: deps-check all
	@examples/demo $(BUILD)
examples: all
	@examples/run --verbose $(BUILD)
check: deps-check all
	@tests/run $(BUILD)
check-all: deps-check all
	@tests/run --all $(BUILD)
bench: deps-check all
	@bench/run $(BUILD)
install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX) && ninja -C $(BUILD) >/dev/null
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild
clean:
	@rm -rf $(BUILD) $(BUILD)-*
