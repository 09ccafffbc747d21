const revived = (value) => value?.base64 !== undefined ? Uint8Array.from(atob(value.base64), (l) => l.charCodeAt(0))
  : Array.isArray(value) ? value.map(revived)
  : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revived(v)])) : value;

async function pixelsOf(blob) {
  const picture = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(picture.width, picture.height), context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, picture.width, picture.height);
}
(async () => {
  const setup = revived(JSON.parse(new TextDecoder().decode(await unpacked("setup"))));
  const network = await StepNetwork.load();
  const images = await Promise.all(setup.faces.map((face) => pixelsOf(new Blob([face.image]))));
  const goals = setup.faces.map(({ goal }) => new Float32Array(goal.data.buffer));
  const page = await moduleOf("microscope");
  window.model = new PageModel(setup, network, images, goals);
  page.default.render({ model: window.model, el: document.getElementById("microscope-page") });
})();
