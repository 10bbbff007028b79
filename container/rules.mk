# make image, sif, image-test, lock, sbom

IMAGE ?= lottery
SIF   ?= lottery.sif

.PHONY: image sif image-test lock sbom

image:
	@container/build image "$(IMAGE)"

sif:
	@container/build sif "$(SIF)"

image-test: $(VENV)/.ready
	@ci/image

lock:
	@PYTHON="$(PYTHON)" container/lock

sbom:
	@$(PYTHON) container/sbom build
