FROM python:3.12-slim

RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 studio
USER studio
WORKDIR /home/studio/app
ENV PATH=/home/studio/.local/bin:$PATH \
    HF_HOME=/home/studio/.cache/huggingface \
    CODESEARCH_HOME=/home/studio/workspace

COPY --chown=studio requirements.txt ./
# PyTorch's CPU build: the package index's own one brings CUDA libraries.
RUN pip install --no-cache-dir --user "$(grep '^torch==' requirements.txt)" --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir --user -r requirements.txt
COPY --chown=studio . .

EXPOSE 7860
HEALTHCHECK --interval=30s --start-period=60s \
    CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/healthz', timeout=3)"
# tini: Python as process 1 would ignore SIGTERM.
ENTRYPOINT ["tini", "--"]
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]
