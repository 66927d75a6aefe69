// Pictures as points that a slider moves from before to after; the picture on hover, a lasso that hands on what it holds.
const SVG = "http://www.w3.org/2000/svg"
const WIDTH = 900, HEIGHT = 400, EDGE = 22
const SHAPES = { train: "circle", validation: "square", test: "triangle" }

export default function ({ parentElement, data, setStateValue }) {
  const place = parentElement.querySelector(".map")
  const known = place.dataset.version
  if (known === data.version) return
  place.dataset.version = data.version
  place.innerHTML = `
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${data.alt}"><g class="points"></g><path class="lasso"></path></svg>
    <div class="tip" hidden><canvas width="${data.thumb}" height="${data.thumb}"></canvas><span></span></div>
    <div class="slide"><span>before</span><input type="range" min="0" max="100" value="0" aria-label="From before to after"><span>after</span></div>`
  const svg = place.querySelector("svg"), points = place.querySelector(".points"), slide = place.querySelector(".slide")
  const input = slide.querySelector("input")
  slide.hidden = data.positions.length < 2
  const sprite = new Image()
  sprite.src = data.sprite
  const dots = data.labels.map((label, i) => dot(points, data, label, i))
  const move = () => dots.forEach((d, i) => shift(d, data, i, input.value / 100))
  input.value = data.positions.length > 1 ? 100 : 0
  input.oninput = move
  move()
  hover(place, points, data, sprite)
  lasso(svg, place.querySelector(".lasso"), dots, (chosen) => setStateValue("chosen", chosen))
}

function dot(parent, data, label, i) {
  const shape = SHAPES[data.splits[i]]
  const element = document.createElementNS(SVG, "path")
  element.setAttribute("d", { circle: "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0", square: "M-4.5,-4.5h9v9h-9z", triangle: "M0,-6L5.5,4.5H-5.5z" }[shape])
  element.setAttribute("fill", data.colours[label % data.colours.length])
  element.dataset.at = i
  parent.appendChild(element)
  return element
}

function shift(element, data, i, share) {
  const from = data.positions[0][i], to = data.positions[data.positions.length - 1][i]
  const at = (axis) => from[axis] * (1 - share) + to[axis] * share
  element._x = EDGE + at(0) * (WIDTH - 2 * EDGE)
  element._y = HEIGHT - EDGE - at(1) * (HEIGHT - 2 * EDGE)
  element.setAttribute("transform", `translate(${element._x.toFixed(1)},${element._y.toFixed(1)})`)
  const side = share < 0.5 ? 0 : data.predicted.length - 1
  element.classList.toggle("wrong", data.predicted[side][i] !== data.labels[i])
}

function hover(place, points, data, sprite) {
  const tip = place.querySelector(".tip"), canvas = tip.querySelector("canvas"), said = tip.querySelector("span")
  points.onpointerover = (event) => {
    const i = event.target.dataset?.at
    if (i === undefined) return
    const column = i % data.columns, row = Math.floor(i / data.columns)
    canvas.getContext("2d").drawImage(sprite, column * data.thumb, row * data.thumb, data.thumb, data.thumb, 0, 0, data.thumb, data.thumb)
    const answers = data.predicted.map((p) => data.names[p[i]]).join(" → ")
    said.textContent = `${data.names[data.labels[i]]}, answered: ${answers} (${data.splits[i]})`
    tip.hidden = false
    const box = place.getBoundingClientRect()
    const x = event.clientX - box.left, y = event.clientY - box.top
    tip.style.left = `${Math.min(x + 14, box.width - 150)}px`
    tip.style.top = `${Math.max(y - 130, 0)}px`
  }
  points.onpointerout = () => { tip.hidden = true }
}

function lasso(svg, line, dots, done) {
  let path = null
  const at = (event) => {
    const box = svg.getBoundingClientRect()
    return [((event.clientX - box.left) * WIDTH) / box.width, ((event.clientY - box.top) * HEIGHT) / box.height]
  }
  svg.onpointerdown = (event) => { event.preventDefault(); path = [at(event)]; svg.setPointerCapture(event.pointerId) }
  svg.onpointermove = (event) => {
    if (!path) return
    path.push(at(event))
    line.setAttribute("d", `M${path.map((p) => p.join(",")).join("L")}Z`)
  }
  svg.onpointerup = () => {
    const inside = path && path.length > 4 ? dots.filter((d) => holds(path, d._x, d._y)).map((d) => Number(d.dataset.at)) : []
    path = null
    line.setAttribute("d", "")
    dots.forEach((d) => d.classList.toggle("chosen", inside.includes(Number(d.dataset.at))))
    done(inside)
  }
}

function holds(path, x, y) {
  let inside = false
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [xi, yi] = path[i], [xj, yj] = path[j]
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside
  }
  return inside
}
