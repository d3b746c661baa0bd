# The workflow with its environment. docs/module.md says how to build and run it.
FROM python:3.11-slim-bookworm

# Of torch the CPU build, unless told otherwise; empty for PyPI's, with CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /opt/downlaw
COPY . .
RUN VENV=/opt/venv PYTHON=python3.11 TORCH_INDEX=$TORCH_INDEX PIP_NO_CACHE_DIR=1 envs/setup.sh \
    && python3.11 -m compileall -q downlaw \
    && useradd --create-home --uid 1000 downlaw \
    && mkdir /study && chown downlaw /study

# Files of the study should belong to whoever runs it: caches go where any user may write, and a user whom the image
# does not know has a name, which Snakemake asks for.
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib LOGNAME=downlaw
USER downlaw
WORKDIR /study
ENTRYPOINT ["snakemake", "--snakefile", "/opt/downlaw/Snakefile", "--workflow-profile", "/opt/downlaw/profiles/default"]
CMD ["--help"]
