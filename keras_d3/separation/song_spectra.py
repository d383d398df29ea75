"""The spectrogram of a song, read anywhere in pieces."""

import tensorflow as tf

from keras_d3.ops import frame_spectra
from keras_d3.separation.buffers import read_samples


class SongSpectra:
    """Rows of a song's centred STFT inside a graph, with rows of zeros before and after its frames.

    Frame f is the same as of `keras_d3.layers.STFT`; it is found in row `frames_before + f`. There is
    one frame more than there when the song's length is no multiple of `frame_step`: the last samples
    would else meet no more than a window's falling end.

    Args:
        song: tensor (time, channels).
        config: `SpectrogramSeparatorConfig`.
        frames_before: int, rows of zeros before the first frame.

    Attributes:
        num_frames: int32 scalar.
        num_rows: int32 scalar, rows that have to be added up until every sample of the song has met all
            its frames.
    """

    def __init__(self, song, config, frames_before):
        self.song, self.config, self.frames_before = song, config, frames_before
        self.num_samples = tf.shape(song)[0]
        self.num_frames = 1 - (-self.num_samples // config.frame_step)
        self.num_rows = frames_before - (-(self.num_samples + config.frame_length // 2) // config.frame_step)

    def first_sample(self, row):
        """Position in the song of a row's first sample; negative for those that begin before it."""
        return (row - self.frames_before) * self.config.frame_step - self.config.frame_length // 2

    def is_frame(self, first_row, num_rows):
        """Which of the rows from `first_row` on are frames: boolean (num_rows,)."""
        frames = first_row - self.frames_before + tf.range(num_rows)
        return (frames >= 0) & (frames < self.num_frames)

    def read(self, first_row, num_rows):
        """Spectra of the rows from `first_row` on: complex64 (num_rows, bins, channels)."""
        config = self.config
        num_samples = (num_rows - 1) * config.frame_step + config.frame_length
        positions = self.first_sample(first_row) + tf.range(num_samples)
        samples = read_samples(self.song, positions, config.padding)
        real, imag = frame_spectra(samples[tf.newaxis], config.frame_length, config.frame_step)
        spectra = tf.complex(real[0], imag[0])
        is_frame = self.is_frame(first_row, num_rows)[:, tf.newaxis, tf.newaxis]
        spectra = tf.where(is_frame, spectra, tf.zeros((), spectra.dtype))
        return tf.ensure_shape(spectra, (None, config.frame_length // 2 + 1, config.channels))
