// Aligned playback: one position for all stems; without this script plain audio players are shown.
(() => {
  "use strict";
  const bench = document.querySelector(".bench");
  if (!bench) return;
  document.documentElement.classList.add("js");
  const clips = [...bench.querySelectorAll(".clip[data-label]")];
  const toggle = document.getElementById("toggle");
  const now = document.getElementById("now");
  const clock = document.getElementById("clock");
  const loop = document.getElementById("loop");
  const audioOf = (clip) => clip.querySelector("audio");
  let current = clips[0];
  let position = 0;

  const playing = () => !audioOf(current).paused;
  const duration = () => audioOf(current).duration || 0;

  function show() {
    bench.style.setProperty("--position", duration() ? position / duration() : 0);
    bench.classList.toggle("started", position > 0 || playing());
    clock.textContent = `${position.toFixed(1)} / ${duration().toFixed(1)} s`;
    for (const clip of clips) {
      const active = clip === current && playing();
      const button = clip.querySelector(".play");
      clip.classList.toggle("playing", active);
      button.setAttribute("aria-pressed", String(active));
      button.setAttribute("aria-label", `${active ? "Pause" : "Play"} ${clip.dataset.label}`);
    }
    now.textContent = current.dataset.label;
    toggle.textContent = playing() ? "❚❚" : "▶";
    toggle.setAttribute("aria-label", playing() ? "Pause" : "Play");
  }

  function follow() {
    if (!playing()) return;
    position = audioOf(current).currentTime;
    bench.style.setProperty("--position", duration() ? position / duration() : 0);
    clock.textContent = `${position.toFixed(1)} / ${duration().toFixed(1)} s`;
    requestAnimationFrame(follow);
  }

  function seek(secs) {
    position = Math.min(Math.max(0, secs), Math.max(0, duration() - 0.01));
    audioOf(current).currentTime = position;
    show();
  }

  function play(clip) {
    if (playing()) position = audioOf(current).currentTime;
    audioOf(current).pause();
    current = clip;
    const audio = audioOf(clip);
    if (position >= duration() - 0.05) position = 0;
    audio.loop = loop.checked;
    audio.currentTime = position;
    audio.play().then(() => { show(); follow(); }, show);
    show();
  }

  function pause() {
    position = audioOf(current).currentTime;
    audioOf(current).pause();
    show();
  }

  const flip = (clip) => (clip === current && playing() ? pause() : play(clip));

  function neighbor(clip, step) {
    const column = clips.filter((other) => other.dataset.column === clip.dataset.column || other === clips[0]);
    return column[column.indexOf(clip) + step];
  }

  for (const clip of clips) {
    const audio = audioOf(clip);
    const loaded = () => { audio.dataset.duration = audio.duration.toFixed(3); show(); };
    if (audio.readyState > 0) loaded(); else audio.addEventListener("loadedmetadata", loaded);
    audio.addEventListener("error", () => clip.classList.add("broken"));
    audio.addEventListener("ended", () => { position = 0; show(); });
    const button = clip.querySelector(".play");
    button.addEventListener("click", (event) => { event.stopPropagation(); flip(clip); });
    button.addEventListener("keydown", (event) => {
      const arrow = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!arrow) return;
      event.preventDefault();
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        seek((playing() ? audioOf(current).currentTime : position) + arrow);
        return;
      }
      const next = neighbor(clip, arrow);
      if (!next) return;
      next.querySelector(".play").focus();
      if (playing()) play(next);
    });
    clip.querySelector(".picture").addEventListener("click", (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      if (clip === current && playing()) { seek(share * duration()); return; }
      audioOf(current).pause();
      current = clip;
      position = share * duration();
      play(clip);
    });
  }
  toggle.addEventListener("click", () => flip(current));
  loop.addEventListener("change", () => { audioOf(current).loop = loop.checked; });
  show();
})();
