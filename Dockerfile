# docker build -t mwgan . && docker run --rm -v "$PWD":/data mwgan reconstruct series.mrc -o volume.mrc     (--gpus all: on an NVIDIA GPU)
FROM python:3.12-slim
# Another index besides, such as PyTorch's for the CPU alone, whose torch takes a tenth of the space: --build-arg PIP_EXTRA_INDEX_URL=…
ARG PIP_EXTRA_INDEX_URL
COPY . /src
RUN pip install --no-cache-dir --constraint /src/constraints.txt '/src[astra,atoms,data,formats,hub]' && rm -r /src
WORKDIR /data
ENTRYPOINT ["mwgan"]
