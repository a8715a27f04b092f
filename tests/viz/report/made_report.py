"""Builds the report data of an invented run, with every optional part."""

from pathlib import Path

import numpy as np

from skeljax.localize import Segments, protocols
from skeljax.train.progress import Progress
from skeljax.viz import score_tables
from skeljax.viz.report import error_stats
from skeljax.viz.report.run_report import Embeddings, RunReport

CLASSES = ('walk', 'sit & <wait>', 'wave')
FPS, FRAMES = 10.0, 300
TRUTH = {
    'a b': Segments([0, 120, 240], [100, 200, 300], [0, 1, 2]),
    'clean': Segments([50], [150], [2]),
    **{f'more {n}': Segments([10], [90], [n % 2]) for n in range(7)},
}
PROPOSED = {
    **{name: Segments(s.start, s.end, s.label, np.full(len(s), 0.9)) for name, s in TRUTH.items()},
    'a b': Segments([5, 120], [95, 200], [0, 2], [0.9, 0.8]),
}
CONFIG = {
    'data': {'corpus': 'made/up'},
    'model': {'name': 'agcn', 'base_channels': 4},
    'seed': 3,
    'finetune': {
        'init_from': 'runs/first',
        'label_fraction': 0.1,
        'fuser': True,
        'fuser_kind': 'u',
    },
}


def run(name='tuned', classes=CLASSES, folder='runs/tuned') -> RunReport:
    """Returns a fine-tuning run; classes beyond three have no segments."""
    frames = dict.fromkeys(TRUTH, FRAMES)
    result = protocols.evaluate(PROPOSED, TRUTH, num_classes=len(classes), num_frames=frames)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.arange(60) % (len(classes) + 1)
    encoded = [
        Embeddings(encoder, vectors, labels, np.arange(60) // 30, vectors[:30], np.arange(30) * 10)
        for encoder in ('pretrained', 'fine-tuned')
    ]
    steps = np.arange(1, 11) * 10
    return RunReport(
        name=name,
        progress=Progress(
            Path(folder),
            'finetune',
            'made/up',
            'agcn',
            '',
            'done',
            100,
            100,
            100,
            0.5,
            80,
            'babel_clean',
            0.0,
        ),
        run_info={
            'corpus': {'classes': list(classes), 'fps': FPS},
            'config': CONFIG,
            'command': 'skeljax finetune',
        },
        curves={
            'pretraining': {'loss': (steps, 5.0 / steps), 'snippet': (steps, 1.0 / steps)},
            'fine-tuning': {
                'loss': (steps, 3.0 / steps),
                'validation/selection': (steps[::5], np.array([0.25, 0.5])),
                'gradient_norm': (steps, 1.0 * steps),
            },
        },
        source='runs/first',
        split='test',
        size=(len(TRUTH), 90.0),
        protocol='babel_clean',
        scores=score_tables.to_json_dict(result),
        decoder='segmentation',
        error_stats=error_stats.compute(
            PROPOSED, TRUTH, num_classes=len(classes), num_frames=frames, fps=FPS, min_score=0.1
        ),
        embeddings=encoded,
        sample=('a b', TRUTH['a b']),
        viewer_url='report_files/recordings.html',
        viewer_recordings=('a b', 'clean'),
        notes=['something <is> missing'],
    )
