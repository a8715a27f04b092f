"""CMD: streams distill their similarities to other videos (Mao et al., arXiv 2208.12448)."""

import dataclasses
import itertools
from typing import ClassVar

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import info_nce
from skeljax.contrast.methods import skeletonclr


@dataclasses.dataclass(frozen=True)
class Method(skeletonclr.Method):
    """Cross-modal mutual distillation: InfoNCE per stream, and a KL divergence between streams."""

    top_k: int = 8192  # nearest negatives of the teacher that are compared
    teacher_temperature: float = 0.05  # of the momentum encoder's similarities
    student_temperature: float = 0.1  # of the trained encoder's similarities

    min_streams: ClassVar[int] = 2  # published with joint, motion and bone
    needs_logits: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        self._check_range('top_k', self.top_k >= 1, '1 or more')
        for name in ('teacher_temperature', 'student_temperature'):
            self._check_range(name, getattr(self, name) > 0, 'more than 0')

    def cross_stream_losses(self, outputs: dict, negatives: dict, progress) -> dict:
        """Computes a loss for every ordered pair of streams, name 'distil_TEACHER_STUDENT'."""
        teachers, students = {}, {}
        for stream, views in outputs.items():
            key = lax.stop_gradient(views['key']['video'])
            teachers[stream] = info_nce.negative_logits(
                key, negatives[stream], temperature=self.teacher_temperature
            )
            students[stream] = info_nce.negative_logits(
                views['query']['video'], negatives[stream], temperature=self.student_temperature
            )
        return {
            f'distil_{one}_{other}': self.distillation_loss(teachers[one], students[other])
            for one, other in itertools.permutations(outputs, 2)
        }

    def distillation_loss(self, teacher, student):
        """Computes KL(teacher || student) over the teacher's nearest negatives.

        Args:
            teacher: logits of one stream's negatives, float32[B, N].
            student: of the other stream's, in the same order, float32[B, N].

        Returns:
            float32[B].
        """
        top, index = lax.top_k(lax.stop_gradient(teacher), min(self.top_k, teacher.shape[1]))
        target = jax.nn.log_softmax(top)
        found = jax.nn.log_softmax(jnp.take_along_axis(student, index, axis=1))
        return (jnp.exp(target) * (target - found)).sum(1)
