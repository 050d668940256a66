/* Runs in the browser: draws every [data-chart] of the page with uPlot. */
(() => {
  const HEIGHT = 240;
  const charts = JSON.parse(document.getElementById('charts').textContent);
  const places = [...document.querySelectorAll('[data-chart]')];
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
  const formats = {
    count: (value) => whole.format(value),
    dollars: (value) => `$${compact.format(value)}`,
    percent: (value) => `${whole.format(value)} %`,
  };

  function axisOf(side) {
    const grid = { stroke: color('grid'), width: 1 };
    return { stroke: color('soft'), grid, ticks: { show: false }, font: `12px ${color('font')}`, ...side };
  }

  function seriesOf({ name, color: hue, shape }, format) {
    const value = (_chart, raw) => (raw == null ? '–' : format(raw));
    const line = { label: name, value, stroke: color(hue), width: 2, points: { show: false } };
    if (shape === 'area') return { ...line, width: 1.25, fill: color(`${hue}-fill`) };
    if (shape === 'bars') {
      return { ...line, width: 0, fill: color(hue), paths: uPlot.paths.bars({ size: [0.72, 64], radius: 0.15 }) };
    }
    return line;
  }

  function optionsOf(chart, width) {
    const format = formats[chart.unit];
    const isTime = chart.kind === 'time';
    const nameOf = (x) => chart.labels?.[x] ?? '';
    const xAxis = isTime
      ? axisOf({ grid: { show: false } })
      : axisOf({
          grid: { show: false },
          space: 34,
          incrs: [1, 2, 3, 5],
          values: (_chart, ticks) => ticks.map(nameOf),
        });
    const xSeries = isTime
      ? { label: chart.xName, value: '{MMM} {YYYY}' }
      : { label: chart.xName, value: (_chart, x) => (x == null ? '–' : nameOf(x)) };
    return {
      width,
      height: HEIGHT,
      padding: [8, 12, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
      cursor: { y: false, points: { show: !chart.series.every((line) => line.shape === 'bars') } },
      scales: {
        x: isTime ? {} : { time: false, range: [-0.6, chart.x.length - 0.4] },
        y: { range: (_chart, _min, max) => [0, max * 1.08 || 1] },
      },
      axes: [xAxis, axisOf({ size: 56, values: (_chart, ticks) => ticks.map(format) })],
      series: [xSeries, ...chart.series.map((line) => seriesOf(line, format))],
    };
  }

  function draw() {
    for (const place of places) {
      const chart = charts[place.dataset.chart];
      place.replaceChildren();
      const data = [chart.x, ...chart.series.map((line) => line.values)];
      new uPlot(optionsOf(chart, place.clientWidth), data, place);
    }
    document.documentElement.dataset.drawn = `${places.length}`;
  }

  draw();
  addEventListener('resize', draw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
})();
