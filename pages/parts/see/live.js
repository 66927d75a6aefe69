// A camera picture once a second while it is on, handed on as a data URL.
const SIDE = 320
const open = new WeakMap()

export default function ({ parentElement, setStateValue }) {
  const place = parentElement.querySelector(".live")
  if (open.has(parentElement)) return () => stop(parentElement)
  place.innerHTML = '<video autoplay muted playsinline aria-label="What the camera sees" hidden></video><button type="button">Start the camera</button> <span role="status"></span>'
  const [video, button, said] = ["video", "button", "span"].map((name) => place.querySelector(name))
  open.set(parentElement, { video })
  button.onclick = async () => {
    if (open.get(parentElement).timer) {
      stop(parentElement)
      open.set(parentElement, { video })
      button.textContent = "Start the camera"
      video.hidden = true
      said.textContent = ""
      return
    }
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: SIDE, height: SIDE } })
    } catch (error) {
      said.textContent = navigator.mediaDevices
        ? `The camera cannot be used (${error.name}). Allow it in the browser's address bar.`
        : "Browsers open the camera only at localhost or over https."
      return
    }
    video.hidden = false
    button.textContent = "Stop the camera"
    said.textContent = "A picture a second is answered."
    open.set(parentElement, { video, timer: setInterval(() => send(video, setStateValue), 1000) })
  }
  return () => stop(parentElement)
}

function send(video, setStateValue) {
  if (!video.videoWidth) return
  const canvas = document.createElement("canvas")
  const side = Math.min(video.videoWidth, video.videoHeight)
  canvas.width = canvas.height = SIDE
  canvas.getContext("2d").drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, SIDE, SIDE)
  setStateValue("picture", canvas.toDataURL("image/jpeg", 0.9))
}

function stop(parentElement) {
  const { video, timer } = open.get(parentElement) ?? {}
  clearInterval(timer)
  video?.srcObject?.getTracks().forEach((track) => track.stop())
  open.delete(parentElement)
}
