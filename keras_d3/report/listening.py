"""The report's listening section: spectrograms that play, aligned in time across all stems."""

import html

import numpy as np

from keras_d3.report import media

_TICKS_HZ = (100, 1000, 10000)


def listening_section(data):
    """Returns the HTML of the section, or "" without an excerpt.

    One row for the mixture, one for the references and one per architecture, one column
    per source; all spectrograms share one dB scale and all sounds one gain.
    """
    excerpt = data.excerpt
    if excerpt is None:
        return ""
    rows = [("Reference", excerpt.references)]
    rows += [(model.name, model.estimates) for model in data.models if model.estimates]
    clips = [excerpt.mixture, *(audio for _, stems in rows for audio in stems.values())]
    maker = _ClipMaker(excerpt, media.common_gain(clips))
    body = _row("Mixture", maker.clip("mixture", "Mixture", excerpt.mixture, 0, alone=True))
    for name, stems in rows:
        cells = "".join(
            maker.clip(source, name, stems[source], column)
            if source in stems
            else f'<figure class="clip empty" data-column="{column}"></figure>'
            for column, source in enumerate(data.sources)
        )
        body += _row(name, cells)
    choices = "".join(
        f'<input type="radio" name="source" id="source-{k}"{" checked" if k == 0 else ""}>'
        f'<label for="source-{k}">{html.escape(source)}</label>'
        for k, source in enumerate(data.sources)
    )
    secs = len(excerpt.mixture) / excerpt.sample_rate_hz
    end = excerpt.start_secs + secs
    turned_down = -20 * np.log10(maker.gain)
    gain = f" All sounds are turned down by {turned_down:.1f} dB alike." if turned_down else ""
    credit = f'<p class="hint">{html.escape(data.attribution)}</p>' if data.attribution else ""
    return (
        f'<p class="hint">{html.escape(excerpt.track)}, {excerpt.start_secs:.1f} to {end:.1f} s.{gain} '
        '<span class="script">Starting another stem keeps the position, so that stems can be compared at '
        "the same note. Click a spectrogram to jump; with a play button focused, <kbd>←</kbd> <kbd>→</kbd> "
        "move by a second and <kbd>↑</kbd> <kbd>↓</kbd> switch to the row above or below.</span></p>"
        f'<div class="bench" style="--columns:{len(data.sources)}">'
        f'<div class="transport script"><button type="button" id="toggle" aria-label="Play">▶</button>'
        '<output id="now" aria-live="polite">Mixture</output>'
        f'<span id="clock" aria-hidden="true">0.0 / {secs:.1f} s</span>'
        '<label><input type="checkbox" id="loop"> Loop</label></div>'
        f'<fieldset class="switch narrow"><legend>Source</legend>{choices}</fieldset>'
        f"{body}{_scale()}{credit}</div>"
    )


class _ClipMaker:
    def __init__(self, excerpt, gain):
        self.gain = gain
        self._rate = excerpt.sample_rate_hz
        self._top_db = float(media.spectrogram_db(excerpt.mixture, self._rate).max())

    def clip(self, source, row, audio, column, alone=False):
        label = html.escape(row if alone else f"{source}, {row}", quote=True)
        picture = media.spectrogram_uri(media.spectrogram_db(audio, self._rate), self._top_db)
        sound = media.audio_uri(np.asarray(audio, np.float64) * self.gain, self._rate)
        caption = "" if alone else f"<figcaption>{html.escape(source)}</figcaption>"
        return (
            f'<figure class="clip{" alone" * alone}" data-column="{column}" data-label="{label}">{caption}'
            f'<div class="picture"><img src="{picture}" alt="Spectrogram: {label}">{self._ticks()}'
            '<span class="playhead"></span>'
            f'<button type="button" class="play script" aria-label="Play {label}"></button>'
            f'</div><audio controls preload="auto" src="{sound}" aria-label="{label}"></audio></figure>'
        )

    def _ticks(self):
        ticks = ""
        for frequency in _TICKS_HZ:
            height = float(media.height_of(frequency, self._rate))
            if 0 < height < 0.95:
                text = f"{frequency // 1000} kHz" if frequency >= 1000 else f"{frequency} Hz"
                place = f'style="bottom:{100 * height:.1f}%" aria-hidden="true"'
                ticks += f'<span class="tick" {place}>{text}</span>'
        return ticks


def _row(name, cells):
    return f'<div class="row"><h3>{html.escape(name)}</h3><div class="cells">{cells}</div></div>'


def _scale():
    colors = ",".join("#" + bytes(color).hex() for color in media.color_map()[::17])
    return (
        f'<p class="scale"><span>−{media.RANGE_DB:.0f} dB</span>'
        f'<span class="ramp" style="background:linear-gradient(90deg,{colors})"></span>'
        "<span>0 dB: loudest bin of the mixture; one scale for all pictures</span></p>"
    )
