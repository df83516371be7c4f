#!/usr/bin/env bash
# Executes vae.ipynb with each of the published networks, without a display:
#     notebooks/vae_depths.sh OUT [DEPTH ...]
# OUT gets a notebook for each depth (default: 0 1 2 3). LATENT_DIM, MAX_EPOCH and DATASET_LIMIT pass through. A depth
# whose notebook is there is left out, so that an interrupted loop goes on. CIFAR-10 is needed: see docs/data.md.
set -euo pipefail
if [ $# = 0 ]; then
    sed -n '2,5s/^# \?//p' "$0"
    exit 2
fi
out=$1
shift
[ $# -gt 0 ] || set -- 0 1 2 3
mkdir -p "$out"
for depth; do
    if [ ! -e "$out/vae-depth$depth.ipynb" ]; then
        RESNET_DEPTH=$depth jupyter nbconvert --to notebook --execute "$(dirname "$0")/vae.ipynb" \
            --ExecutePreprocessor.timeout=-1 --output-dir "$out" --output "vae-depth$depth.ipynb"
    fi
done
