# Fails when an object file that is compiled once per instruction set defines a function that the linker would merge with
# its namesakes (a weak symbol whose name does not carry the instruction set).
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} --defined-only ${object} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "nm cannot read ${object}")
  endif()
  string(REPLACE "\n" ";" lines "${symbols}")
  foreach(line IN LISTS lines)
    if(line MATCHES " [VvWwu] (.*)$")
      set(name "${CMAKE_MATCH_1}")
      if(NOT name MATCHES "generic|avx2|avx512" AND NOT name MATCHES "^DW\\.ref\\.")
        message(FATAL_ERROR "${object}: ${name} is shared between instruction sets; "
                            "move it into namespace THAW_ISA or an anonymous namespace")
      endif()
    endif()
  endforeach()
endforeach()
