const STEP = 1.1;
const SMALLEST = 0.2;
const LARGEST = 4;

/** Pans and zooms a stage inside its frame by a transform of ours, so that a new layout keeps the view. */
export function panZoom(frame: HTMLElement, stage: HTMLElement): { fit: () => void } {
  let scale = 1;
  let x = 0;
  let y = 0;
  const apply = (): void => {
    stage.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  };
  frame.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const factor = event.deltaY < 0 ? STEP : 1 / STEP;
      const next = Math.min(LARGEST, Math.max(SMALLEST, scale * factor));
      const box = frame.getBoundingClientRect();
      const [px, py] = [event.clientX - box.left, event.clientY - box.top];
      x = px - ((px - x) * next) / scale;
      y = py - ((py - y) * next) / scale;
      scale = next;
      apply();
    },
    { passive: false },
  );
  frame.addEventListener('pointerdown', (down) => {
    if (down.button !== 0) return;
    frame.setPointerCapture(down.pointerId);
    const from = { x: down.clientX - x, y: down.clientY - y };
    const move = (event: PointerEvent): void => {
      x = event.clientX - from.x;
      y = event.clientY - from.y;
      apply();
    };
    frame.addEventListener('pointermove', move);
    frame.addEventListener('pointerup', () => frame.removeEventListener('pointermove', move), { once: true });
  });
  return {
    fit: () => {
      const svg = stage.querySelector('svg');
      if (svg === null) return;
      const box = svg.viewBox.baseVal;
      const wanted = Math.min(frame.clientWidth / box.width, frame.clientHeight / box.height);
      scale = Math.min(1.4, Math.max(SMALLEST, wanted * 0.97));
      x = Math.max(0, (frame.clientWidth - box.width * scale) / 2);
      y = Math.max(0, (frame.clientHeight - box.height * scale) / 2);
      svg.style.maxWidth = 'none';
      svg.setAttribute('width', String(box.width));
      svg.setAttribute('height', String(box.height));
      apply();
    },
  };
}
