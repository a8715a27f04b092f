"""Every field with its default: the settings of the paper's release (arXiv 2512.16504), on one GPU.

    skeljax pretrain --config configs/default.py:corpus=babel/all,method=aimclr --workdir W

Other configs call this one and override fields. Both stages read one config, so that they have the
same data and model. The release counts epochs; here all places in a schedule are shares of the run.

Where a default is not the release's, the comment of the field has the release's value. Without
exception are the quirks of the release (`config.faithful`), which are off.
"""

from ml_collections import ConfigDict


def get_config(arg: str = '') -> ConfigDict:
    """Returns the defaults.

    Args:
        arg: a prepared corpus, or some of these with commas between: corpus=, method=,
            backbone=, setting= (of `SETTINGS`), unlabeled= (corpora to pretrain on, + between),
            layout= (of joints, that all are mapped to).
    """
    chosen = choose(arg)
    config = ConfigDict()
    config.seed = 0  # of weights, batches and views
    config.parallel = 'pmap'  # or 'shard_map': how a step is mapped over devices (docs/scaling.md)
    config.steps_per_call = 1  # training steps per dispatch (docs/scaling.md)
    config.wandb = ''  # project of Weights & Biases; empty: none (docs/tracking.md)
    # Quirks of published code to repeat, some of:
    # 'warmup_overshoot': the warm-up goes on to twice the peak learning rate;
    # 'snippet_pointer': the queue of snippets does not advance;
    # 'key_init': the momentum encoder begins with weights of its own;
    # 'augmentation': the blur's weights do not sum to 1, and mirroring does not negate x;
    # 'input_norm': 2s-AGCN has no normalization of its input;
    # 'partition': ST-GCN has only edges near the center of the body in its third subset;
    # 'momentum_freeze': CrosSCLR updates only the motion stream's momentum encoder while it mines;
    # 'parts_temperature': RVTCLR divides the positive of body parts only while it mines;
    # 'causal': both directions of the GRU run forward in time.
    config.faithful = ('',)
    config.data = _data(chosen)
    config.model = _model(chosen.get('backbone', 'agcn'))
    config.pretrain = _pretrain(chosen.get('method', 'skeletonclr'))
    config.finetune = _finetune()
    config.finetune.update(SETTINGS[chosen.get('setting', 'semi10')])
    config.evaluate = ConfigDict(
        dict(
            tious=(0.1, 0.2, 0.3, 0.4, 0.5),  # thresholds of the overlap that mAP is averaged over
        )
    )
    return config.lock()  # a field that does not exist is refused where it is set


def choose(arg: str) -> dict[str, str]:
    """Reads `corpus` or `corpus=...,method=...`: name -> value."""
    pairs = [part.split('=', 1) if '=' in part else ('corpus', part) for part in arg.split(',')]
    chosen = {name: value for name, value in pairs if value}
    strange = set(chosen) - set(_CHOICES)
    if strange:
        old = min(strange)
        renamed = f'; it is {_RENAMED[old]!r} now' if old in _RENAMED else ''
        known = ', '.join(_CHOICES)
        raise ValueError(f'unknown {old!r} in {arg!r}{renamed}, known: {known}')
    for kind, known in (('method', _VIEWS), ('backbone', _BACKBONES), ('setting', SETTINGS)):
        if chosen.get(kind, min(known)) not in known:
            raise ValueError(f'unknown {kind} {chosen[kind]!r}, known: {", ".join(sorted(known))}')
    return chosen


def describe(chosen: dict[str, str]) -> str:
    """Writes what `choose` reads."""
    return ','.join(f'{name}={value}' for name, value in chosen.items())


_CHOICES = ('corpus', 'method', 'backbone', 'setting', 'unlabeled', 'layout')

_RENAMED = dict(unlabelled='unlabeled', host='method')  # since version 0.1.0


def unlabeled(chosen: dict[str, str], otherwise: str) -> tuple[str, ...]:
    """Returns the corpora that were chosen to pretrain on, or that one."""
    return tuple(chosen.get('unlabeled', otherwise).split('+'))


def _data(chosen: dict[str, str]) -> ConfigDict:
    corpus = chosen.get('corpus', 'synthetic')
    return ConfigDict(
        dict(
            data_dir='data',  # folder of prepared corpora
            corpus=corpus,  # of fine-tuning and evaluation
            unlabeled=unlabeled(chosen, corpus),  # corpora of pretraining, their training splits
            # Joint layout that recordings are mapped to; empty: that of the corpus.
            layout=chosen.get('layout', ''),
            fps=0.0,  # frame rate that recordings are resampled to; 0: that of the corpus
            # Steps of skeljax/data/normalize.py, or 'crossclr', '2s-agcn' or 'ctr-gcn'.
            normalization=('center', 'align', 'size'),
            # True: every device holds all recordings and cuts windows itself (docs/scaling.md).
            device_dataset=False,
            device_dataset_dtype='float32',  # of coordinates there; or 'float16', 'bfloat16'
        )
    )


# Backbone -> channels of the first block as published, and dropout; the defaults of its module.
_BACKBONES = dict(
    agcn=(64, 0.0), stgcn=(16, 0.5), ctrgcn=(64, 0.0), gru=(1024, 0.0),
    transformer=(256, 0.0),  # not published; MAMP's channels
)


def _model(backbone: str) -> ConfigDict:
    base_channels, dropout = _BACKBONES[backbone]
    return ConfigDict(
        dict(
            name=backbone,  # skeljax/models/agcn.py ...
            base_channels=base_channels,  # of the first block
            dropout=dropout,  # rate
            dtype='float32',  # of the computation; or 'bfloat16'
            # What a block stores for its gradient: 'none' (no rematerialization): everything;
            # 'blocks': only the input; or a policy of jax.checkpoint_policies,
            # 'dots_saveable' ... (docs/scaling.md).
            remat='none',
            sync_bn=True,  # batch statistics over all devices; False: of each device alone
            # Options of the backbone of that name; the defaults of its module.
            agcn=dict(
                down_stages=(2, 5, 8),  # blocks that halve the temporal resolution; 2s-AGCN: (5, 8)
            ),
            stgcn=dict(out_channels=256),  # of its last block
            ctrgcn=dict(down_stages=(5, 8)),  # blocks that halve the temporal resolution
            gru=dict(num_layers=3),  # each in both directions
            transformer=dict(
                num_layers=4,  # blocks
                num_heads=4,  # of attention
                mlp_ratio=4,  # hidden channels of its MLPs, as a multiple of `base_channels`
            ),
        )
    )


def _pretrain(method: str) -> ConfigDict:
    return ConfigDict(
        dict(
            num_steps=60_000,  # length of the run
            num_epochs=0,  # instead of num_steps, where given: visits of every stretch of a window
            batch_size=128,  # windows, on all devices together
            window=300,  # frames cut from a recording, from which views are cut
            # Relative tempo takes half of what is cut.
            crop=_crop(300 if method == 'rvtclr' else 150, pad_ratio=6),
            method=method,  # skeljax/contrast/methods/skeletonclr.py ...; its options are below
            # Of skeljax/skeletons/streams.py, an encoder for each.
            streams=('joint', 'motion', 'bone') if method in _ACROSS else ('joint',),
            embed_dim=128,  # length of an embedding
            # Some of 'queue' (earlier videos), 'batch' (other videos of the step), 'subject' (those
            # of the same person).
            negatives=('queue',),
            negatives_impl='gather',  # or 'ring': no device holds all keys (docs/scaling.md)
            queue_size=32_768,  # videos
            temperature=0.07,  # divisor of cosine similarities
            momentum=0.999,  # share of its weights that the momentum encoder keeps in a step
            snippet=dict(  # fields of SnippetLoss in skeljax/contrast/snippet.py
                weight=1.5,  # in the total loss; 0: no snippet loss
                num_snippets=0,  # of a video; 0: one for each time step of the encoder
                match='similarity',  # how positives are found; or 'time', 'position', 'random'
                min_gap=0,  # key snippets at least this far from the match are negatives; 0: none
                negatives='average',  # time averages of other videos; or 'snippet': all snippets
                queue_size=0,  # videos; 0: as many as in the other queue
                num_mined=5,  # nearest negatives that count as positives too; 0: none
                mining_start=1 / 3,  # mining is on after this share of the run; 1: never
                # The query view and the key view.
                views=('query', 'other' if method == 'rvtclr' else 'key'),
            ),
            views={view: _augment(**chosen) for view, chosen in _VIEWS[method].items()},
            **{method: _OPTIONS[method]},
            optimizer=_optimizer('sgd', 0.1, warmup=1 / 6, decay_at=(11 / 12,)),
            log_every=50,  # steps
            checkpoint_every=1000,  # steps
        )
    )


def _finetune() -> ConfigDict:
    return ConfigDict(
        dict(
            num_steps=4000,  # length of the run
            num_epochs=0,  # if not 0, replaces num_steps: visits of every stretch of a window
            batch_size=8,  # windows, on all devices together
            window=512,  # frames cut from a recording
            crop=_crop(512, pad_ratio=0),
            augment=_augment(),
            fuser=True,  # False: the plain head, on the features of the last block
            # 'u' or 'pyramid' (skeljax/models/fusers.py), or another package's
            # (docs/extending.md).
            fuser_kind='u',
            # Temporal strides of the multiscale features that the fuser combines; empty: all of
            # the pyramid's, the finest and the two coarsest of the U's.
            feature_strides=(),
            stream='joint',  # of skeljax/skeletons/streams.py; pretraining must have had it
            init_from='',  # workdir of a pretraining run; empty: from scratch
            clip_level=False,  # True: one score for a recording, not for each frame: recognition
            # Factor of the encoder's learning rate; 0: its weights and batch statistics stay.
            backbone_lr_scale=1.0,
            unfreeze_at=0.0,  # share of the run before which the encoder's weights stay
            label_fraction=0.1,  # of the training recordings
            label_seed=4,  # of their choice
            multi_label=False,  # True: a frame can have several classes; a binary head for each
            label_stratified=False,  # True: the chosen recordings have every class
            num_neighbors=20,  # of the kNN probe; the paper does not state it
            # The loss of a frame; all options off: cross-entropy, as in the paper (docs/method.md).
            loss=dict(
                smoothing_weight=0.0,  # of squared changes of log-probabilities (MS-TCN: 0.15)
                smoothing_clip=4.0,  # largest change of a log-probability that counts
                focal_gamma=0.0,  # exponent of the focal loss (its paper: 2); 0: off
                class_balance=0.0,  # weight of a class: 1 / frames to this power; 0: off
                class_beta=1.0,  # below 1: frames by their effective number (its paper: 0.999)
                boundary_smoothing=0,  # frames beside a label change with soft labels; 0: off
                boundary_weight=0.0,  # of a head that predicts label changes (ASRF: 0.1); 0: none
                boundary_radius=2,  # frames before and after a change that count as change
                pool_radius=15,  # frames before and after that scores are averaged over; 0: none
                # The weight across a sure change between two frames is exp(-pool_strength).
                pool_strength=8.0,
            ),
            optimizer=_optimizer('adam', 1e-4, warmup=0.25, decay_at=(0.75, 0.875)),
            log_every=20,  # steps
            validate_every=200,  # steps
            checkpoint_every=500,  # steps
            protocol='babel_clean',  # whose mAP on the validation split selects the best state
            # The sequence decoder, fitted when the run has finished (docs/decoding.md).
            decoder=dict(
                # True: it learns which class follows which, a fixed order of exercises too.
                transitions=False,
            ),
        )
    )


_LINEAR = dict(fuser=False, backbone_lr_scale=0.0, label_fraction=1.0)

# Name -> what it changes in config.finetune. Without `init_from` each is supervised from scratch.
SETTINGS = dict(
    # The paper does not state the rate and the epochs: those of plain.
    linear=dict(**_LINEAR, optimizer=dict(peak_lr=1e-3)),
    plain=dict(fuser=False, label_fraction=1.0, optimizer=dict(peak_lr=1e-3)),
    fuser=dict(label_fraction=1.0),
    **{f'semi{percent}': dict(label_fraction=percent / 100) for percent in (1, 5, 10, 20, 50)},
    recognition=dict(**_LINEAR, clip_level=True, protocol='recognition'),
)

_WEAK = dict(shear=0.5)
_STRONG = dict(shear=0.5, noise=0.01, blur=2.0, axis_mask=0.5)  # operations 3, 4, 5
_EXTREME = dict(**_STRONG, mirror=0.5, rotate=0.5236)  # operations 1 to 5
_CORRUPT = dict(shear=1.0, corrupt_joints=15)

# Method -> the augmentation of each of its views.
_VIEWS = dict(
    skeletonclr=dict(query=_STRONG, key=_WEAK),
    crossclr=dict(query=_WEAK, key=_WEAK),
    aimclr=dict(query=_WEAK, key=_WEAK, extreme=_EXTREME),
    hiclr=dict(query=_WEAK, key=_WEAK, extreme=_EXTREME, masked=_EXTREME),
    rvtclr=dict(query=_STRONG, key=_WEAK, parts=_WEAK),
    cmd=dict(query=_CORRUPT, key=_CORRUPT),
    vicreg=dict(query=_CORRUPT, key=_CORRUPT, second=_CORRUPT, third=_CORRUPT),
)
# Method -> its own options, fields of `Method` in skeljax/contrast/methods/METHOD.py.
_OPTIONS = dict(
    skeletonclr=dict(),
    crossclr=dict(cross_start=0.5),
    aimclr=dict(mining_start=0.5, keep_rate=0.7),
    hiclr=dict(mining_start=0.5, num_masked_joints=2),
    rvtclr=dict(margin=1.0, mining_start=1 / 3),
    cmd=dict(top_k=8192, teacher_temperature=0.05, student_temperature=0.1),
    vicreg=dict(
        num_views=4,
        hidden_dim=512,
        invariance_weight=5.0,
        variance_weight=1.0,
        cross_correlation_weight=1e-3,
    ),
)
_ACROSS = ('crossclr', 'cmd')  # methods of several streams

METHODS, BACKBONES = tuple(_OPTIONS), tuple(_BACKBONES)


def _crop(length: int, *, pad_ratio: int) -> dict:
    return dict(
        length=length,  # frames of a view
        pad_ratio=pad_ratio,  # such a part of the recording is mirrored at either end; 0: none
        tempo=0.0,  # faster or slower by a factor of up to 1 + tempo
    )


def _augment(**amplitudes) -> dict:
    # Of skeljax/augment.py; 0 leaves an operation out.
    names = dict(
        shear=0.0,  # six coefficients, up to this
        yaw=0.0,  # about the vertical, radians up to this
        rotate=0.0,  # the release's operation 2, radians up to this
        scale=0.0,  # of the body, as a share up to this
        bone_scale=0.0,  # of the length of each bone, as a share up to this
        mirror=0.0,  # probability of exchanging left and right
        noise=0.0,  # standard deviation, in half of the clips
        blur=0.0,  # over time, frames up to this, in half of the clips
        axis_mask=0.0,  # probability of zeroing one coordinate axis
        mask_joints=0,  # joints zeroed
        corrupt_joints=0,  # joints corrupted in half of the clips, which get no shear
    )
    return {**names, **amplitudes}


def _optimizer(name: str, peak_lr: float, *, warmup: float, decay_at: tuple) -> dict:
    return dict(
        name=name,  # 'sgd' (momentum 0.9), 'adam' or 'adamw'
        peak_lr=peak_lr,  # highest learning rate
        warmup=warmup,  # share of the run in which the learning rate rises to the peak
        decay='steps',  # or 'cosine'
        decay_at=decay_at,  # shares of the run at which it falls
        decay_factor=0.1,  # by which it is multiplied there
        weight_decay=1e-4,  # as an L2 term; with 'adamw' decoupled
    )
