# Two images of the release, without compilers and sources:
#   docker build --target cpu -t segbench .
#   docker build --target cuda -t segbench:cuda .
# Docs/cluster.md says how they are used. Tests/dist/bare-systems.sh runs these steps in bare systems.

FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends git make ca-certificates
COPY . /source
WORKDIR /source
RUN make dist && mkdir /opt/segbench && tar -xzf dist/segbench-*.tar.gz -C /opt/segbench --strip-components=1

FROM debian:bookworm-slim AS cpu
COPY --from=build /opt/segbench /opt/segbench
RUN apt-get update && \
    apt-get install -y --no-install-recommends $(grep -v '^#' /opt/segbench/LIBRARIES) && \
    rm -rf /var/lib/apt/lists/*
ENV PATH=/opt/segbench/bin:$PATH
WORKDIR /work
CMD ["segbench", "help"]

# PyTorch's own image; the plugin is compiled against its PyTorch, which needs a C++ compiler and no GPU.
FROM pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime AS cuda
COPY --from=build /opt/segbench /opt/segbench
RUN apt-get update && \
    apt-get install -y --no-install-recommends g++ $(grep -v '^#' /opt/segbench/LIBRARIES) && \
    ln -s "$(XDG_CACHE_HOME=/opt/segbench/cache bash /opt/segbench/Plugins/Torch/build.sh python)" /opt/segbench/torch && \
    rm -rf /var/lib/apt/lists/*
ENV PATH=/opt/segbench/bin:$PATH SEGBENCH_TORCH_PLUGIN=/opt/segbench/torch
WORKDIR /work
CMD ["segbench", "help"]
