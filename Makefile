# Two commands do everything on a fresh machine: `make demo` and `make test`. Each installs what it needs first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HELM := build/helm
KUBERNETES := build/kube-apiserver build/operator-crds
PROMETHEUS3 := build/prometheus3/usr/bin/prometheus
READY := $(VENV)/.ready
# Virtual machines of the system tests, each with the Slurm of a Debian release: 24.11 and 26.05.
VM_IMAGES := build/vm/trixie build/vm/sid
VM_KERNEL := build/vm/kernel
# The Slurms of these releases with slurmdbd and slurmrestd, for tests that run them on this machine's own kernel.
SLURM_IMAGES := build/slurm/trixie build/slurm/sid
VM_PACKAGES := base-files bash coreutils grep sed mount procps iproute2 hostname util-linux python3-minimal python3-yaml \
  python3-bcrypt python3-isal munge slurmctld slurmd slurm-client

DEMO_PACKAGES := python3-venv prometheus prometheus-alertmanager
PACKAGING_PACKAGES := python3-venv git rpm cpio
SLURM_PACKAGES := slurm-wlm slurmdbd slurmrestd slurm-wlm-mysql-plugin slurm-wlm-jwt-plugin mariadb-server munge
TEST_PACKAGES := $(DEMO_PACKAGES) $(PACKAGING_PACKAGES) $(SLURM_PACKAGES) gcc libc6-dev curl openssl openssh-client openssh-server systemd procps faketime slapd ldap-utils rpmlint chromium buildah etcd-server victoria-metrics \
  qemu-system-x86

.DEFAULT_GOAL := help
.PHONY: help setup demo test packages-demo packages-packaging packages-test vm lint types unit system rules generate lock pictures bench rpm deb chart clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | awk -F: '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY) ## make the Python environment in .venv from the pinned requirements

$(READY): requirements/dev.txt pyproject.toml
	@echo "Making the Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

packages-demo:
	@packaging/system-packages.sh $(DEMO_PACKAGES)

packages-packaging:
	@packaging/system-packages.sh $(PACKAGING_PACKAGES)

packages-test:
	@packaging/system-packages.sh $(TEST_PACKAGES)

demo: packages-demo $(READY) ## run the suite on a simulated cluster; Ctrl-C ends it
	@$(BIN)/jobgauge-demo $(ARGS)

test: packages-test $(READY) lint types unit system ## everything that CI checks

lint: $(READY) ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## mypy, strict
	$(BIN)/mypy

unit: $(READY) $(PROMETHEUS3) ## the fast tests
	$(BIN)/pytest -n auto -m "not system" $(ARGS)

system: $(READY) $(HELM) $(KUBERNETES) $(PROMETHEUS3) build/promql-corpus build/grafana-types vm $(SLURM_IMAGES) ## the tests that start real programs
	$(BIN)/pytest -m system $(ARGS)

rules: $(READY) $(PROMETHEUS3) ## check and unit-test the rules with promtool
	$(BIN)/pytest tests/rules $(ARGS)

generate: $(READY) ## write the generated pages of docs/, the dashboards and the chart's copies again
	$(BIN)/python -m jobgauge.catalogue >docs/metrics.md
	$(BIN)/python -m jobgauge_scheduler.reasons >docs/reasons.md
	$(BIN)/python -m jobgauge_view.subset >docs/viewer-subset.md
	$(BIN)/jobgauge-dashboards --out dashboards/json
	rm -rf helm/jobgauge/files
	$(BIN)/jobgauge-rules --out helm/jobgauge/files/rules
	cp -R dashboards/json helm/jobgauge/files/dashboards

# The groups refer to one another through the project's own name, which is no requirement to pin.
lock: $(READY) ## pin the requirements of each group again, with hashes
	@for group in core node nvidia scheduler gateway ldap dashboards view demo dev; do \
	  echo "requirements/$$group.txt"; \
	  test $$group = core && extra= || extra="--extra $$group"; \
	  $(BIN)/pip-compile --quiet --upgrade --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url \
	    --no-emit-find-links --no-header --no-annotate $$extra --output-file requirements/$$group.txt pyproject.toml && \
	  sed -i '/^jobgauge @/d; /^# /d' requirements/$$group.txt || exit 1; \
	done

pictures: $(READY) ## take the boards' pictures: GRAFANA=http://sam:demo@127.0.0.1:9792 JOB=ID of a job of alice
	@$(BIN)/python dashboards/pictures.py $(GRAFANA) $(JOB) docs/pictures

bench: $(READY) build/prom-label-proxy ## measure what the documentation claims
	@for bench in $(filter-out %_floor.py,$(wildcard bench/*.py)); do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

rpm: packages-packaging $(READY) ## build the RPMs into dist/rpm, for EL 8, 9 and 10
	@packaging/rpm/build.sh $(abspath $(BIN))/python dist/rpm
	@ls dist/rpm/RPMS/*/*.rpm

deb: packages-packaging $(READY) ## build Debian packages into dist/deb, for this release of Debian
	@packaging/deb/build.sh $(abspath $(BIN))/python dist/deb
	@ls dist/deb/*.deb

chart: $(HELM) ## check the Helm chart and pack it into dist/
	$(HELM) lint --strict helm/jobgauge
	$(HELM) package --destination dist helm/jobgauge

# Helm from source, at a version that Debian 12's Go builds too; it takes some minutes, once.
$(HELM): packaging/tools/go.mod packaging/tools/go.sum
	@command -v go >/dev/null || packaging/system-packages.sh golang-go
	@echo "Building $@"
	@cd packaging/tools && CGO_ENABLED=0 go build -o $(abspath $@) helm.sh/helm/v3/cmd/helm
	@touch $@

# The API server of the oldest Kubernetes but one that the chart is for; a later one needs a later Go. Some minutes, once.
build/kube-apiserver: packaging/tools/kubernetes/go.mod packaging/tools/kubernetes/go.sum
	@command -v go >/dev/null || packaging/system-packages.sh golang-go
	@echo "Building $@"
	@cd $(<D) && CGO_ENABLED=0 go build -ldflags='-s -w' -o $(abspath $@) k8s.io/kubernetes/cmd/kube-apiserver
	@touch $@

# The Prometheus operator's kinds of objects, as its module has them.
build/operator-crds: packaging/tools/operator-crds.sh
	@$< $@

# What Grafana publishes of its boards' types, and a compiler to hold the boards against it.
build/grafana-types: packaging/tools/grafana-types.sh $(READY)
	@$< $(abspath $(BIN))/python $@

# The expressions with which Prometheus tests its own language.
build/promql-corpus: packaging/tools/promql-corpus.sh
	@$< $@

# What the gateway's cost is compared with.
build/prom-label-proxy: packaging/tools/prom-label-proxy/go.mod packaging/tools/prom-label-proxy/go.sum
	@command -v go >/dev/null || packaging/system-packages.sh golang-go
	@echo "Building $@"
	@cd $(<D) && CGO_ENABLED=0 go build -ldflags='-s -w' -o $(abspath $@) github.com/prometheus-community/prom-label-proxy
	@touch $@

# Debian 12 has Prometheus 2; the next but one release of Debian has 3.
$(PROMETHEUS3): packaging/tools/debian-release-package.sh
	@packaging/tools/debian-release-package.sh forky build/prometheus3 prometheus promtool
	@touch $@

vm: $(VM_IMAGES) $(VM_KERNEL) ## make the virtual machines of the tests

$(SLURM_IMAGES): tests/support/slurm_image.sh packaging/tools/debian-release-package.sh
	@tests/support/slurm_image.sh $(@F) $@
	@touch $@

$(VM_IMAGES): tests/support/vm_image.sh packaging/tools/debian-release-package.sh
	@mkdir -p $(@D)
	@tests/support/vm_image.sh $(@F) $@ $(VM_PACKAGES)

# Debian 12's, since its QEMU runs later kernels unreliably.
$(VM_KERNEL): packaging/tools/debian-release-package.sh
	@rm -rf $@.files
	@packaging/tools/debian-release-package.sh --with-dependencies bookworm $@.files linux-image-cloud-amd64
	@mv $@.files/boot/vmlinuz-* $@
	@rm -rf $@.files
	@touch $@

clean: ## remove what make made
	rm -rf $(VENV) .demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
