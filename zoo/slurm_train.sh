#!/bin/bash
# Trains one recipe on all GPUs of several nodes: sbatch slurm_train.sh RECIPE OUT [options of `skazoo train`]
#
# One process a node, with all its GPUs. RECIPE's batch_size is that of all GPUs together, and a multiple of their
# number. OUT and the prepared dataset lie on a file system that all nodes see; build the dataset before
# (`skazoo data build toy_64`). A job that ran out of time goes on where it was when it is submitted again.
#SBATCH --job-name=skazoo-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=12:00:00
set -euo pipefail
recipe=$1
out=$2
shift 2
srun skazoo train "$recipe" --out "$out" --devices workers --precision mixed_bfloat16 --quiet "$@"
