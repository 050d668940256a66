/** The map of the report: every airport of the list as a dot, those with strikes as circles by number of strikes. */
import type { Summary } from '../strikes/totals.ts';
import { escapeHtml, formatCount, formatShare } from './html.ts';

type Point = readonly [x: number, y: number];
type Place = readonly [longitude: number, latitude: number];

const WIDTH = 1000;
const HEIGHT = 620;
/** Share of strikes with damage from which a circle is drawn in the other colour. */
const HIGH_SHARE = 0.15;
const LABELS = 24;
/** Between two labels; twice as much from side to side. */
const LABEL_GAP = 15;
const RADIUS_MAX = 38;

interface Frame {
  readonly contains: (place: Place) => boolean;
  readonly project: (place: Place) => Point;
}

const mainland: Frame = {
  contains: ([lon, lat]) => lon > -125.5 && lon < -66.5 && lat > 24.3 && lat < 49.6,
  project: projectAlbers,
};
const hawaii: Frame = {
  contains: ([lon, lat]) => lon > -160.6 && lon < -154.5 && lat > 18.6 && lat < 22.6,
  project: ([lon, lat]) => [(lon + 160.6) * 28 + 62, (22.6 - lat) * 29 + 482],
};
const HAWAII_BOX = '<rect x="50" y="476" width="200" height="124" rx="8"/>';

export function renderMap({ airports, places, totals }: Summary): string {
  const lines = new Map(totals.airport.map((line) => [line.key, line]));
  const most = Math.max(1, ...totals.airport.map((line) => line.strikes));
  const marks = airports.flatMap((airport) => {
    const line = lines.get(airport.iata);
    const point = locate(airport.place);
    return line === undefined || point === undefined ? [] : [{ airport, line, point }];
  });
  const byStrikes = marks.toSorted((a, b) => b.line.strikes - a.line.strikes);
  const circles = byStrikes.map(({ airport, line, point: [x, y] }) => {
    const radius = Math.sqrt(line.strikes / most) * RADIUS_MAX;
    const isHigh = line.damaged / line.strikes >= HIGH_SHARE;
    const title = `${airport.iata}, ${airport.city}: ${formatCount(line.strikes)} strikes, ${formatShare(line.damaged, line.strikes)} with damage`;
    return `<circle${isHigh ? ' class="high"' : ''} cx="${x}" cy="${y}" r="${radius.toFixed(1)}"><title>${escapeHtml(title)}</title></circle>`;
  });
  const labels = placeLabels(byStrikes.map(({ airport, point }) => ({ text: airport.iata, point })));
  const dots = places.map((place) => dotPath(locate(place))).join('');
  return `<svg class="map" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Map of strikes by airport">
<path class="places" d="${dots}"/>${HAWAII_BOX}${circles.join('')}${labels.join('')}</svg>
<p class="legend"><span><i></i>circle: strikes at the airport</span><span><i class="high"></i>15 % or more of them with damage</span></p>`;
}

interface Label {
  readonly text: string;
  readonly point: Point;
}

/** Labels of the first airports that have room for one. */
function placeLabels(candidates: readonly Label[]): readonly string[] {
  const placed: Label[] = [];
  for (const label of candidates) {
    const isFree = placed.every(
      ({ point: [x, y] }) => Math.hypot((label.point[0] - x) / 2, label.point[1] - y) > LABEL_GAP,
    );
    if (isFree && placed.length < LABELS) placed.push(label);
  }
  return placed.map(({ text, point: [x, y] }) => `<text x="${x}" y="${y + 4}">${escapeHtml(text)}</text>`);
}

/** Undefined: outside of both frames. */
function locate(place: Place): Point | undefined {
  const frame = [mainland, hawaii].find((candidate) => candidate.contains(place));
  if (frame === undefined) return undefined;
  const [x, y] = frame.project(place);
  return [Math.round(x * 10) / 10, Math.round(y * 10) / 10];
}

/** A line of no length with round ends is a dot, and one path holds thousands. */
function dotPath(point: Point | undefined): string {
  return point === undefined ? '' : `M${point[0]} ${point[1]}h0`;
}

/** Albers' conic with the parallels that maps of the United States use. */
function projectAlbers([longitude, latitude]: Place): Point {
  const radians = Math.PI / 180;
  const [first, second, middle] = [29.5 * radians, 45.5 * radians, 37.5 * radians];
  const n = (Math.sin(first) + Math.sin(second)) / 2;
  const c = Math.cos(first) ** 2 + 2 * n * Math.sin(first);
  const rho = (lat: number): number => Math.sqrt(c - 2 * n * Math.sin(lat)) / n;
  const theta = n * (longitude + 96) * radians;
  const x = rho(latitude * radians) * Math.sin(theta);
  const y = rho(middle) - rho(latitude * radians) * Math.cos(theta);
  return [x * 1270 + 505, 312 - y * 1270];
}
