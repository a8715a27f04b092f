"""CMD: streams teach each other how near other videos are (Mao et al., arXiv 2208.12448)."""

import dataclasses
import itertools
from typing import ClassVar

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import info_nce
from skeljax.contrast.methods import skeletonclr
from skeljax.errors import InputError


@dataclasses.dataclass(frozen=True)
class Host(skeletonclr.Host):
    """The method and its settings.

    Attributes:
        top: nearest negatives of the teacher that are compared.
        teacher_temperature: of the momentum encoder's similarities.
        student_temperature: of the trained encoder's.
    """

    top: int = 8192
    teacher_temperature: float = 0.05
    student_temperature: float = 0.1

    least_streams: ClassVar[int] = 2  # published with joint, motion and bone
    single_logits: ClassVar[bool] = True

    def check(self, layout: str):
        if self.top < 1:
            raise InputError(f'host cmd compares 1 or more of the nearest negatives, not {self.top}')

    def across(self, outputs: dict, negatives: dict, progress) -> dict:
        """Computes a loss for every ordered pair of streams, name 'distil_TEACHER_STUDENT'."""
        far = {}
        for stream, seen in outputs.items():
            key = seen['key']['video']
            compare = lambda query, temperature, key=key, stream=stream: info_nce.logits(
                query, key, negatives[stream], temperature=temperature
            )[:, 1:]
            teacher = compare(lax.stop_gradient(key), self.teacher_temperature)
            far[stream] = teacher, compare(seen['query']['video'], self.student_temperature)
        return {
            f'distil_{one}_{other}': self.distil(far[one][0], far[other][1])
            for one, other in itertools.permutations(far, 2)
        }

    def distil(self, teacher, student):
        """Computes KL(teacher || student) over the teacher's nearest negatives.

        Args:
            teacher: logits of one stream's negatives, float32[B, N].
            student: of the other's, in the same order, float32[B, N].

        Returns:
            float32[B].
        """
        near, place = lax.top_k(lax.stop_gradient(teacher), min(self.top, teacher.shape[1]))
        wanted = jax.nn.log_softmax(near)
        found = jax.nn.log_softmax(jnp.take_along_axis(student, place, axis=1))
        return (jnp.exp(wanted) * (wanted - found)).sum(1)
