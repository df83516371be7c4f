#!/usr/bin/env bash
# Executes vae.ipynb with each of the published networks, without a display:
#     notebooks/vae_depths.sh OUT [DEPTH ...]
# OUT gets a notebook and a run folder for each depth (default: 0 1 2 3). LATENT_DIM, MAX_EPOCH and DATASET_LIMIT pass
# through. To resume after an interruption, repeat the command: it skips depths that have a notebook, and resumes the
# run of the next one. CIFAR-10 is needed: see docs/data.md.
set -euo pipefail
if [ $# = 0 ]; then
    sed -n '2,6s/^# \?//p' "$0"
    exit 2
fi
out=$1
shift
[ $# -gt 0 ] || set -- 0 1 2 3
mkdir -p "$out"
# the notebook runs in its own folder
out=$(cd "$out" > /dev/null && pwd)
for depth; do
    if [ ! -e "$out/vae-depth$depth.ipynb" ]; then
        OUT=$out/vae-depth$depth RESNET_DEPTH=$depth \
            jupyter nbconvert --to notebook --execute "$(dirname "$0")/vae.ipynb" \
            --ExecutePreprocessor.timeout=-1 --output-dir "$out" --output "vae-depth$depth.ipynb"
    fi
done
