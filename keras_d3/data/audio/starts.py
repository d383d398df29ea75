"""Where excerpts start: a stratified random sample of all starts, and the order in which a pass has them."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.epochs import FOREVER, fold_in, permutation, shuffled
from keras_d3.settings import AudioDataConfig


class ExcerptStarts:
    """Draws the starts of excerpts in the tracks of a split.

    All valid starts are laid on one axis, track after track: a track of n samples has
    n - output_samples + 1 of them. A pass divides the axis into strata of equal length and draws one start in
    each. So every start of every track is equally likely, excerpts spread evenly over the tracks, and none is
    thrown away. A track not longer than one excerpt has the start 0 alone; it takes the length of one stratum
    on the axis, so that it is drawn about once per pass.

    Args:
        manifest: `AudioManifest`.
        split: str, "train", "validation" or "test".
        config: `AudioDataConfig`. A stratum has `block_samples / excerpts_per_block` starts.

    Attributes:
        per_pass: int, number of strata.
        has_choice: bool array (tracks,), False for a track not longer than one excerpt.
        track_begins: int64 array (tracks + 1,), where each track begins on the axis, and the axis' length.
    """

    def __init__(self, manifest: AudioManifest, split: str, config: AudioDataConfig):
        self._config = config
        tracks = manifest.tracks(split)
        num_starts = np.array([track.num_samples - config.output_samples + 1 for track in tracks], "int64")
        stratum = max(1, manifest.block_samples // config.excerpts_per_block)
        self.has_choice = num_starts > 1
        lengths = np.where(self.has_choice, num_starts, stratum)
        self.track_begins = np.concatenate(([0], np.cumsum(lengths))).astype("int64")
        self.per_pass = max(1, round(int(self.track_begins[-1]) / stratum))
        group_of = {shard.file: shard.group for shard in manifest.shards if shard.split == split}
        groups = [group_of[track.shards[0]] for track in tracks]
        # int64 (groups + 1,): where each shard group begins on the axis.
        firsts = [groups.index(group) for group in sorted(set(groups))]
        self._group_begins = self.track_begins[[*firsts, -1]]

    def random(self, seed: tf.Tensor) -> tf.data.Dataset:
        """Returns endless starts, pass after pass in random order, shuffled.

        Args:
            seed: int64 tensor (2,): the same seed gives the same starts.

        Returns:
            A `tf.data.Dataset` of int64 (2,): a track's index and the start of an excerpt in it.
        """
        passes = tf.data.Dataset.range(FOREVER).flat_map(
            lambda number: tf.data.Dataset.from_tensor_slices(self._pass(fold_in(seed, number)))
        )
        return shuffled(passes, self._config.shuffle_excerpts, seed)

    def draw_pass(self, seed: tf.Tensor) -> "Pass":
        """Draws what one pass has, and in which order.

        The shard groups are put in a random order and read as one circle by `config.parallel_tracks` readers
        in turns. Their places on the circle are equally many excerpts apart, and the first is drawn from all
        excerpts. So each excerpt is equally likely at each place of the pass, and a pass that is not read to
        its end favors no part of any track.
        """
        seeds = [fold_in(seed, number) for number in range(3)]
        draws = self._draw(seeds[0])
        order = permutation(len(self._group_begins) - 1, seeds[1])
        total = self.per_pass
        rotation = tf.random.stateless_uniform((), seeds[2], 0, total, tf.int64, alg="philox")
        firsts = tf.searchsorted(draws, tf.constant(self._group_begins), out_type=tf.int64)
        sizes = tf.gather(firsts[1:] - firsts[:-1], order)
        num_readers = min(self._config.parallel_tracks, total)
        return Pass(draws, order, firsts, sizes, tf.cumsum(sizes), rotation, num_readers)

    def _pass(self, seed):
        """The starts of a pass in its order, int64 (strata, 2)."""
        a_pass = self.draw_pass(seed)
        readers = tf.range(a_pass.num_readers, dtype=tf.int64)
        begins, counts = a_pass.begins(readers), a_pass.counts(readers)
        # (turns, readers): the readers take turns, and some have one excerpt more than the others.
        turns = tf.range(-(-self.per_pass // a_pass.num_readers), dtype=tf.int64)[:, tf.newaxis]
        places = tf.boolean_mask((begins + turns) % self.per_pass, turns < counts)
        places = tf.gather(a_pass.draws, a_pass.draw_at(places)[1])
        tracks = tf.searchsorted(self.track_begins, places, side="right", out_type=tf.int64) - 1
        starts = places - tf.gather(self.track_begins, tracks)
        starts = tf.where(tf.gather(self.has_choice, tracks), starts, tf.zeros_like(starts))
        return tf.stack((tracks, starts), axis=1)

    def _draw(self, seed):
        """Draws one start in each stratum; returns their places on the axis, int64 (strata,), ascending."""
        num_strata, length = self.per_pass, self.track_begins[-1]
        inside = tf.random.stateless_uniform((num_strata,), seed, dtype=tf.float64, alg="philox")
        strata = tf.range(num_strata, dtype=tf.float64)
        draws = tf.cast((strata + inside) * (float(length) / num_strata), tf.int64)
        return tf.minimum(draws, length - 1)


@dataclasses.dataclass(frozen=True)
class Pass:
    """What one pass draws, and the circle on which its readers take turns.

    Args:
        draws: int64 tensor (strata,), places on the axis, ascending.
        order: int64 tensor (groups,), the shard groups in the order of the circle.
        firsts: int64 tensor (groups + 1,), index of the first draw of each group.
        sizes, ends: int64 tensors (groups,), in `order`: number of draws, and where they end on the circle.
        rotation: int64 scalar tensor, where the first reader begins.
        num_readers: int.
    """

    draws: tf.Tensor
    order: tf.Tensor
    firsts: tf.Tensor
    sizes: tf.Tensor
    ends: tf.Tensor
    rotation: tf.Tensor
    num_readers: int

    def begins(self, reader: tf.Tensor) -> tf.Tensor:
        """Returns the places on the circle at which readers begin, for their numbers (int64 tensor)."""
        total = self.draws.shape[0]
        return (self.rotation + reader * total // self.num_readers) % total

    def counts(self, reader: tf.Tensor) -> tf.Tensor:
        """Returns the numbers of excerpts that readers have in the pass."""
        total = self.draws.shape[0]
        return (reader + 1) * total // self.num_readers - reader * total // self.num_readers

    def draw_at(self, place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the turn of the group and the draw's index for places on the circle, int64 tensor (n,)."""
        turn = tf.searchsorted(self.ends, place, side="right", out_type=tf.int64)
        first = tf.gather(self.firsts, tf.gather(self.order, turn))
        return turn, first + place - tf.gather(self.ends - self.sizes, turn)
