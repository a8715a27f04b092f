"""Classes of methods, backbones and fusers that a config names."""

from collections.abc import Callable

from flax import linen as nn
from ml_collections import ConfigDict

from skeljax import plugins
from skeljax.contrast.methods import ContrastiveMethod
from skeljax.errors import InputError
from skeljax.models import fusers

# Packages, and groups of entry points, of the names in a config.
METHODS, BACKBONES = 'skeljax.contrast.methods', 'skeljax.models'
FUSER_PLUGINS = 'skeljax.models.fusers'
FUSERS = {'u': fusers.Fuser, 'pyramid': fusers.Pyramid}

option_group = plugins.option_group


def check(config: ConfigDict):
    """Raises InputError if a named class does not exist; the message names the field."""
    for field, name, look in (
        ('model.name', config.model.name, backbone),
        ('finetune.fuser_kind', config.finetune.fuser_kind, fuser),
        ('pretrain.method', config.pretrain.method, method),
    ):
        try:
            look(name)
        except InputError as error:
            message = str(error)
            raise InputError(
                message if message.startswith('config.') else f'config.{field}: {message}'
            ) from error


def method(name: str) -> Callable[..., ContrastiveMethod]:
    """Returns the class of a contrastive method, see `skeljax.plugins.resolve`.

    Raises:
        InputError: the name is unknown.
    """
    return plugins.resolve(name, METHODS, 'Method')


def backbone(name: str) -> type[nn.Module]:
    """Returns the class of a backbone, see `skeljax.plugins.resolve`.

    Raises:
        InputError: the name is unknown, or the class is not a Flax module.
    """
    return _network(plugins.resolve(name, BACKBONES, 'Backbone'), 'config.model.name', name)


def fuser(name: str) -> type[nn.Module]:
    """Returns the class of a fuser; raises InputError as `backbone`."""
    found = plugins.resolve(name, FUSER_PLUGINS, 'Fuser', FUSERS)
    return _network(found, 'config.finetune.fuser_kind', name)


def options(group: ConfigDict, name: str) -> dict:
    """Returns the options of a method or backbone: the group of its name, if there is one."""
    own = plugins.option_group(name)
    return dict(group[own]) if own in group else {}


def _network(found: object, field: str, name: str) -> type[nn.Module]:
    if isinstance(found, type) and issubclass(found, nn.Module):
        return found
    raise InputError(f'{field} is {name!r:.100}, which is no class of Flax modules')
