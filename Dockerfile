# docker build --tag code-search-studio .                                  for processors
# docker build --tag code-search-studio --build-arg ACCELERATOR=cuda .     for NVIDIA GPUs: run it with --gpus all
# docs/hosting.md says how to run it.
FROM python:3.12-slim

# git: repositories as corpora. tini: Python as process 1 would ignore SIGTERM.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 studio

USER studio
WORKDIR /home/studio/app
ENV PATH=/home/studio/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/home/studio/cache \
    HF_HOME=/home/studio/cache/huggingface \
    GRADIO_TEMP_DIR=/home/studio/cache/gradio \
    CODESEARCH_HOME=/home/studio/workspace
# They belong to the user, and so will volumes that are mounted there.
RUN mkdir -p /home/studio/cache /home/studio/workspace

ARG ACCELERATOR=cpu
# PyTorch's own index: the package index's build brings gigabytes of CUDA libraries.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY --chown=studio requirements.txt requirements-gpu.txt ./
RUN python -m venv /home/studio/venv \
    && case "$ACCELERATOR" in \
        cpu) pip install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep ^torch== requirements.txt)" \
            && pip install --no-cache-dir --requirement requirements.txt ;; \
        cuda) pip install --no-cache-dir --requirement requirements-gpu.txt ;; \
        *) echo "ACCELERATOR must be cpu or cuda, not '$ACCELERATOR'" >&2; exit 1 ;; \
    esac
COPY --chown=studio . .

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"
ENTRYPOINT ["tini", "--"]
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]
