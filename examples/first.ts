import * as weft from '../src/index.ts'

const { matmul, mean, relu, square } = weft
const loss = (w: weft.Tensor, x: weft.Tensor) => mean(square(relu(matmul(x, w))))
const gradient = weft.grad(loss)
const compiled = weft.compile(gradient, [weft.spec([3, 2]), weft.spec(['B', 3])], { argNames: ['w', 'x'] })

const w = weft.tensor([1, 0, 0, 1, -1, 2], { shape: [3, 2] })
const x = weft.tensor([1, 2, 3, 4, -5, 6], { shape: [2, 3] })
console.log(await (await compiled(w, x)).read())
console.log(weft.printGraph(compiled.graph()))
weft.closeDevices()
