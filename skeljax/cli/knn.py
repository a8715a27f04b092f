"""Score an encoder without training: each frame gets the labels of its nearest labeled frames.

    skeljax knn --config configs/babel.py:subset1 --out runs/knn --config.finetune.init_from=W
    skeljax knn --config configs/published.py:setting=recognition --out runs/knn \\
        --config.finetune.init_from=W

The labeled recordings are those that fine-tuning would use (`config.finetune.label_fraction`),
the k nearest frames `config.finetune.num_neighbors`. Prints the tables of `skeljax evaluate` and
saves them as OUT/knn-SPLIT.json and .md. Without `init_from` the encoder is untrained, which
measures the contribution of the architecture alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skeljax import localize
from skeljax.cli import config_args, score_files
from skeljax.errors import InputError

if TYPE_CHECKING:
    from skeljax.inference.evaluation import Scored


def add_arguments(parser):
    config_args.add_config(parser)
    parser.add_argument('--out', required=True, help='folder of the figures')
    parser.add_argument('--split', default='test', help='split of the corpus (default: test)')
    parser.add_argument(
        '--protocol', action='append', help='protocol of the scores (may be repeated; default: all)'
    )


parse_rest = config_args.parse


def run(args) -> int:
    config = config_args.load(args.config_file, args.overrides)
    from skeljax.inference import evaluation

    for name in args.protocol or ():
        localize.protocol(name)
    found = scored(config, args.split)
    figures = evaluation.described(found, evaluation.decoded(found, args.protocol))
    folder = Path(args.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{folder}: {error.strerror or error}') from None
    encoder = config.finetune.init_from or 'an untrained encoder'
    print(f'{encoder}: {figures["corpus"]} {args.split}, {config.finetune.num_neighbors} neighbors')
    score_files.write(figures, folder, f'knn-{args.split}')
    return 0


def scored(config, split: str = 'test') -> Scored:
    """Scores the frames of a split by their nearest labeled frames.

    Raises:
        InputError: a config, corpus or encoder that does not fit.
    """
    import jax

    from skeljax.inference import knn, scoring
    from skeljax.inference.evaluation import Scored
    from skeljax.train import build, corpora, run as runs

    build.check(config)
    chosen = config.finetune
    if chosen.num_neighbors < 1:
        found = chosen.num_neighbors
        raise InputError(f'config.finetune.num_neighbors is {found}, expected 1 or more')
    if chosen.multi_label:
        raise InputError('config.finetune.multi_label is True, expected False: kNN finds one class')
    config = config.copy_and_resolve_references()
    config.finetune.fuser = False  # a fuser has no weights before fine-tuning
    corpus, held_out = (corpora.open_labeled(config, name) for name in ('train', split))
    _, state, _, model = runs.prepare_finetuning(config, corpus)
    variables = jax.device_put(scoring.variables(state), jax.local_devices()[0])
    bank = knn.collect(model, variables, corpus, corpora.labeled_recordings(config, corpus))
    probabilities: dict[str, np.ndarray] = {
        recording.name: knn.probabilities(
            model, variables, recording, bank,
            classes=len(corpus.classes), neighbors=chosen.num_neighbors,
        )
        for recording in held_out
    }
    origin = {'encoder': chosen.init_from, 'neighbors': chosen.num_neighbors}
    return Scored(held_out, probabilities, tuple(config.evaluate.tious), [origin])
